"""The events of a drill as its log holds them: read by a plain consumer, decoded from the shipped schema files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from libs.testing.chaos.recording import Logged, Tape

KINDS = ("migration", "wave", "capacity")


class Event(NamedTuple):
    """One event. `at` is when it was recorded, in microseconds since the epoch."""

    aggregate: str
    version: int
    at: int
    kind: str
    body: Mapping[str, Any]


class Story(NamedTuple):
    """Events of each aggregate in the order of its versions."""

    migrations: dict[str, list[Event]]
    waves: dict[str, list[Event]]
    capacities: dict[str, list[Event]]

    @property
    def ends(self) -> dict[str, Event]:
        """How each migration ended that did."""
        return {name: one for name, events in self.migrations.items() for one in events if one.kind in ENDS}

    @property
    def completed(self) -> set[str]:
        """Migrations that are completed."""
        return {name for name, end in self.ends.items() if end.kind == "MigrationCompleted"}


ENDS = ("MigrationCompleted", "MigrationRolledBack", "MigrationCancelled", "MigrationRejected")


def told(events: Iterable[tuple[str, Event]]) -> Story:
    """A story of events, each with the kind of its aggregate."""
    streams: dict[str, dict[str, list[Event]]] = {kind: defaultdict(list) for kind in KINDS}
    for kind, event in events:
        streams[kind][event.aggregate].append(event)
    ordered = [{name: sorted(found, key=_version) for name, found in streams[kind].items()} for kind in KINDS]
    return Story(*ordered)


def _version(event: Event) -> int:
    return event.version


def read(bootstrap: str, prefix: str, partitions: int) -> Story:
    """The story of a prefix, from its beginning to its end now. Raises TimeoutError."""
    tape = Tape(bootstrap, [f"{prefix}.{kind}.events" for kind in KINDS], partitions)
    try:
        return told(_events(tape.catch_up()))
    finally:
        tape.close()


def _events(logged: Sequence[Logged]) -> Iterable[tuple[str, Event]]:
    """Refusals outside any chain have version 0 and tell nothing here."""
    for one in logged:
        assert one.kind, f"{one.topic}/{one.partition}/{one.offset} is no event"
        said = one.envelope
        if said["version"]:
            yield one.topic.rsplit(".", 2)[1], Event(said["aggregate"], said["version"], said["recorded_at"], one.kind, one.body)
