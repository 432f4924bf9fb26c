"""Messages about rehearsals of the way back: that what a migration does can be undone was tried, and how that ended."""

import msgspec


class RecordWayBack(msgspec.Struct, frozen=True, kw_only=True):
    """Record that the way back of a migration was rehearsed elsewhere."""

    passed: bool
    """Whether everything was undone."""
    evidence: str
    """What was rehearsed, where, and what shows how it ended; for the record."""
    at: int = 0
    """When it ended, in microseconds since the epoch; 0 for now."""


class NoteWayBack(msgspec.Struct, frozen=True, kw_only=True):
    """Another migration that rehearses this one has gone back, or could not."""

    passed: bool
    """Whether everything was undone."""
    at: int
    """When that was, in microseconds since the epoch; stale when a later rehearsal is known."""
    by: str
    """Id of the migration that rehearsed it."""
    provider: str
    """Kind of its provider; no rehearsal of this migration unless that is the same."""
    reason: str
    """How it ended and how far it had come, in one sentence."""


class WayBackRehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """The way back of this migration was rehearsed: evidence for its gates."""

    passed: bool
    """Whether everything was undone."""
    at: int
    """When the rehearsal ended, in microseconds since the epoch."""
    rehearsed_by: str
    """Id of the migration that rehearsed it; empty where a person recorded it."""
    reason: str
    """What shows how it ended."""
    event_id: str
    """Id of this event, by which gates name it."""
    evidence_version: int
    """Version of the migration from which on this is known."""
