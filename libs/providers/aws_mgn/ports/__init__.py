"""Parties beside the cloud that a move tells: each one small interface over HTTP, or the SDK."""
