"""The worker that tells: matches events with subscriptions and callbacks, and sends signed webhooks."""
