"""The reconciler: every client command that Kafka accepted has an outcome, an event that names it or a dead letter (D1, D10).

It is the net under what transactions cannot promise (KAFKA-17754): a loss is found even where nothing reported an error.
The core is pure; `libs.audit.log` reads the records. Read the commands first, the outcomes after them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from libs.audit.record import LogRecord
from libs.contracts.avro import schema_of
from libs.contracts.catalogue import MESSAGES
from libs.domain.catalogue import DECIDERS

READER = "validator"
_CLIENT_TYPES = {schema_of(kind).full_name.encode() for decider in DECIDERS.values() for kind in decider.client_commands}
_TOPIC_OF = {schema_of(message.model).full_name.encode(): message.topic for message in MESSAGES}


class Unanswered(NamedTuple):
    """A client command without an outcome, and where it stands."""

    topic: str
    partition: int
    offset: int
    key: str
    command_id: str
    command: str
    waiting_ms: int


class Reconciler:
    """Takes commands, then what came of them; what is left was lost, or is still being decided.

    `now_ms` is the time of the audit, `grace_ms` how long a command may wait for its outcome before it counts.
    """

    def __init__(self, now_ms: int, grace_ms: int) -> None:
        self._now, self._latest = now_ms, now_ms - grace_ms
        self._open: dict[tuple[bytes, bytes], LogRecord] = {}
        self._places: dict[bytes, tuple[bytes, bytes]] = {}
        self.commands = 0

    def command(self, record: LogRecord) -> None:
        """A record of a command topic. Workers' reports and what is no command of ours are not waited for."""
        kind = record.header("ce_type")
        if kind not in _CLIENT_TYPES or not record.topic.endswith(_TOPIC_OF[kind]) or record.timestamp > self._latest:
            return
        self.commands += 1
        name = (record.key, record.header("ce_id"))
        self._open[name] = record._replace(value=b"", headers=(("ce_type", kind), ("ce_id", name[1])))
        self._places[f"{READER}/{record.topic}/{record.partition}/{record.offset}".encode()] = name

    def event(self, record: LogRecord) -> None:
        """A record of an event topic: the outcome of the command that it names."""
        self._open.pop((record.key, record.header("ce_causationid")), None)

    def letter(self, record: LogRecord) -> None:
        """A record of the dead-letter topic: the outcome of the command that stood there."""
        name = self._places.get(record.key)
        if name is not None:
            self._open.pop(name, None)

    def unanswered(self) -> list[Unanswered]:
        """Commands without an outcome, the oldest first."""
        return [self._told(record) for record in sorted(self._open.values(), key=lambda record: record.timestamp)]

    def _told(self, record: LogRecord) -> Unanswered:
        return Unanswered(
            record.topic,
            record.partition,
            record.offset,
            record.key.decode(errors="replace"),
            record.header("ce_id").decode(errors="replace"),
            record.header("ce_type").decode().rpartition(".")[2],
            self._now - record.timestamp,
        )


def reconcile(
    commands: Iterable[LogRecord], events: Iterable[LogRecord], letters: Iterable[LogRecord], *, now_ms: int, grace_ms: int
) -> tuple[int, list[Unanswered]]:
    """How many client commands were looked at, and those without an outcome."""
    reconciler = Reconciler(now_ms, grace_ms)
    for take, records in ((reconciler.command, commands), (reconciler.event, events), (reconciler.letter, letters)):
        for record in records:
            take(record)
    return reconciler.commands, reconciler.unanswered()
