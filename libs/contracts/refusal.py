"""The event that answers a client's command which cannot be carried out, whatever the aggregate."""

import msgspec


class CommandRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A client's command was not carried out; nothing changed."""

    command: str
    """Name of the command refused, e.g. CancelMigration."""
    code: str
    """Stable, machine-readable reason in lower snake case."""
    message: str
    """The reason in one sentence, naming what would be accepted."""
