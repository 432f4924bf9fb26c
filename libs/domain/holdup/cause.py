"""What a cause is, and what causes are found from. Times are microseconds since the epoch."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from libs.contracts.envelope import EventEnvelope
from libs.contracts.values import Scalar

PERSON, ROLE, CAPACITY, TIME, MIGRATION, WAVE, SERVICE, LETTER = (
    "person", "role", "capacity", "time", "migration", "wave", "service", "dead_letter",
)  # fmt: skip
OPERATOR = "operator"
Facts = Mapping[str, Scalar]


class Event(Protocol):
    """An event of the log."""

    @property
    def envelope(self) -> EventEnvelope:
        """Where it stands in its aggregate's history."""

    @property
    def body(self) -> Any:
        """What happened."""


class Letter(NamedTuple):
    """A command of the migration that could not be taken and that nobody has replayed or discarded."""

    id: str
    reason: str
    """Stable code of why it could not be taken."""
    read_at: int


class Ask(NamedTuple):
    """Whom or what to ask."""

    kind: str
    """person, role, capacity, time, migration, wave, service or dead_letter."""
    id: str
    """Which one; for a time, empty."""


class Cause(NamedTuple):
    """One thing that holds a migration up."""

    code: str
    """Stable, machine-readable name."""
    reason: str
    """The same in one sentence for people."""
    since: int
    until: int
    """When it ends, or is given up, as far as that is known; 0 when it is not."""
    ask: tuple[Ask, ...]
    events: tuple[str, ...]
    """Ids of the events that it comes from. From these alone the same cause is found again (X8)."""
    details: Facts
    """What a program may want beside that; which names there are depends on the code."""


def cause(code: str, reason: str, sources: list[Event], ask: list[Ask], *, until: int = 0, details: Facts | None = None) -> Cause:
    """A cause that stands since the first of the events it comes from."""
    ids = tuple(source.envelope.event_id for source in sources)
    return Cause(code, reason, sources[0].envelope.recorded_at, until, tuple(ask), ids, details or {})


def listed(names: list[str], most: int = 5) -> str:
    """Names as people list them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
