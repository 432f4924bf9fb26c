"""The one writer of events: reads commands, decides, and writes events, state and offsets in one transaction (D1)."""
