"""The command line against running services."""
