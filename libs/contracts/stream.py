"""The part of every state record that the log itself needs: version, chain head, and the client commands already answered."""

import msgspec


class Answered(msgspec.Struct, frozen=True):
    """A client command that this aggregate has answered."""

    command_id: str
    """Idempotency key of the command."""
    digest: bytes
    """First eight bytes of the SHA-256 of its payload."""


class Stream(msgspec.Struct, frozen=True):
    """Where the aggregate's history stands."""

    version: int = 0
    """Version of the last event; 0 before the first."""
    head: bytes = b""
    """Hash of the last event; empty before the first."""
    answered: tuple[Answered, ...] = ()
    """Client commands answered, oldest first: the first of all, and the last 63."""
    correlation_id: str = ""
    """Correlation id of the first request, which everything about this aggregate carries on."""
