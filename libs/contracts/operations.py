"""Messages that are no part of an aggregate's history: progress and dead letters."""

import msgspec


class ProgressReported(msgspec.Struct, frozen=True, kw_only=True):
    """How far a work item is. Short-lived; nothing is decided by it."""

    tenant: str
    """Tenant of the migration."""
    migration: str
    """Id of the migration."""
    work_id: str
    """Work item it is about."""
    step: str
    """Name of the step."""
    done: int
    """How much is done, in `unit`."""
    total: int
    """How much there is, in `unit`; 0 when unknown."""
    unit: str
    """What is counted, e.g. rows."""
    at: int
    """When it was so, in microseconds since the epoch, by the worker's clock."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a reader could not take, kept with its original bytes."""

    reader: str
    """Service that could not take it."""
    topic: str
    """Topic it was read from."""
    partition: int
    """Partition it was read from."""
    offset: int
    """Offset it was read at."""
    reason: str
    """Stable, machine-readable class of the reason, e.g. undecodable, unknown_schema, wrong_partition, invalid."""
    detail: str
    """What exactly is wrong, in one sentence."""
    key: bytes | None
    """Original key."""
    value: bytes | None
    """Original value."""
    headers: dict[str, bytes]
    """Original headers; of repeated names the last."""
    read_at: int
    """When it was read, in microseconds since the epoch."""
    tenant: str = ""
    """Tenant that it concerns, as far as its key or headers tell; empty when nothing does, and then only the platform's own tenant sees it."""


class DeadLetterResolved(msgspec.Struct, frozen=True, kw_only=True):
    """An operator dealt with a dead letter. Stands on the same topic under the same key, so that a rebuild finds it again."""

    reader: str
    """Service that could not take the message."""
    topic: str
    """Topic it was read from."""
    partition: int
    """Partition it was read from."""
    offset: int
    """Offset it was read at."""
    resolution: str
    """replayed (sent to its topic again, perhaps corrected) or discarded."""
    reason: str
    """Why, for the record."""
    actor: str
    """Opaque subject id of who dealt with it; never a name or an address."""
    resolved_at: int
    """When, in microseconds since the epoch."""
