"""The log up to a position, folded into a fork. Reads as anybody may: outside any group, committed records only, nothing is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from libs.audit import log
from libs.audit.record import LogRecord, Place
from libs.contracts.avro import schema_of
from libs.contracts.migration import events as e
from libs.readmodel.position import Position
from libs.rehearse.answering import Entry
from libs.rehearse.folding import SUBSCRIPTION, Folding
from libs.rehearse.fork import CAPACITY, MIGRATION, WAVE_KIND, Fork
from libs.rehearse.history import Learner
from libs.rehearse.learning import OfMigration, OfWaves
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.errors import Poison
from libs.runtime.registry import Registry

KINDS = (WAVE_KIND, CAPACITY, SUBSCRIPTION, MIGRATION)
"""What a fork is made of; migrations last, because which of those that have ended matter is known by the waves."""
MOST_LEARNT = 500_000
"""Events that durations and failures are learnt from: the latest, the same number in each partition."""
_ENDS = {
    schema_of(end).full_name.encode() for end in (e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled, e.MigrationRejected)
}

_ARCHIVED = schema_of(e.MigrationArchived).full_name.encode()


class Source(NamedTuple):
    """Where the log is."""

    kafka: str
    registry: str
    prefix: str
    tenant: str


class BadPosition(ValueError):
    """A position that this log does not have; the message says why."""


class Span(NamedTuple):
    """What is read. Without positions: what is committed now. `learn_at` is up to where history is learnt, the fork itself when left out."""

    at: Position | None = None
    learn_at: Position | None = None
    hindsight: bool = False
    """Learn from everything that is committed now, also from what came after the fork."""


def read(source: Source, span: Span, waves: Sequence[str], told: Callable[[int], None]) -> Fork:
    """The fork. `told` is called with the number of events read, now and then.

    `waves` are those asked for: of other waves' members, those that have ended are left out.
    Raises BadPosition, Misconfigured, KafkaException, TimeoutError, RegistryUnavailable.
    """
    return _Reading(source, span, waves, told).fork()


class _Reading:
    """One reading of the log."""

    def __init__(self, source: Source, span: Span, waves: Sequence[str], told: Callable[[int], None]) -> None:
        self._source, self._waves, self._told = source, waves, told
        self._codec = Codec(Registry(source.registry), source.prefix, "rehearse")
        self._mine = f"{source.tenant}/".encode()
        self._fork = _cut(source, span.at)
        self._learn = self._fork
        if span.at is not None and (span.learn_at or span.hindsight):
            self._learn = _cut(source, None if span.hindsight else span.learn_at)
            if any(end > self._learn.until.get(place, 0) for place, end in self._fork.until.items()):
                raise BadPosition("history is learnt up to a position before the fork; give a later one")
        self._count = 0
        self._folding, self._learner = Folding(source.tenant), Learner()
        self._waves_teach = OfWaves(self._learner)

    def fork(self) -> Fork:
        for kind in KINDS[:-1]:
            for entry in self._taken(kind, self._records(kind)):
                self._learner.lag(entry.envelope)
                if kind == WAVE_KIND:
                    self._waves_teach.take(*entry)
        self._migrations()
        return self._folding.fork(self._fork.position, self._learn.position, self._learner.history())

    def _records(self, kind: str) -> Iterator[LogRecord]:
        """Records of the tenant."""
        for record in log.records(self._source.kafka, self._source.prefix, [f"{kind}.events"], {**self._learn.until}):
            taken = self._fork.takes(record)
            if not taken and not self._learn.takes(record):
                continue
            self._count += 1
            if self._count % 1_000 == 0:
                self._told(self._count)
            if record.key.startswith(self._mine):
                yield record

    def _migrations(self) -> None:
        """Migrations that have ended teach, and are forgotten unless they are members of a wave asked for or before it, or ended only
        after the fork."""
        open_: dict[bytes, list[LogRecord]] = {}
        kept = {f"{self._source.tenant}/{name}".encode() for name in self._folding.members(self._waves)}
        begins = _begins(self._learn.until)
        for record in self._records(MIGRATION):
            if record.header("ce_type") == _ARCHIVED:
                continue  # a member stays what it ended as
            ended = record.header("ce_type") in _ENDS and self._fork.takes(record)
            if not ended or record.key in kept:
                open_.setdefault(record.key, []).append(record)
            elif (records := open_.pop(record.key, None)) and record.offset >= begins[record.place]:
                OfMigration(self._learner).read(entry for entry, _ in self._decoded([*records, record]) if entry.envelope.version)
        for records in open_.values():
            OfMigration(self._learner).read(self._taken(MIGRATION, records))

    def _taken(self, kind: str, records: Iterable[LogRecord]) -> Iterator[Entry]:
        """Events that teach; those before the fork are folded, and teach only if they could be."""
        for record in records:
            for entry, hash_ in self._decoded([record]):
                if not self._fork.takes(record) or self._folding.take(kind, entry, hash_):
                    yield entry

    def _decoded(self, records: Iterable[LogRecord]) -> Iterator[tuple[Entry, bytes]]:
        for record in records:
            try:
                found = self._codec.decode(record.topic, record.key, record.value, [*record.headers])
            except Poison:
                continue  # a stranger's: the validator does not fold it either
            yield Entry(found.envelope, found.body), found.hash


class _Cut:
    """Which records count: in each partition those before an offset and, with all that follow it, before the first that is later than
    `latest`, in milliseconds since the epoch; so no event is there without its cause, whichever partition was asked first."""

    def __init__(self, until: dict[Place, int], latest: int) -> None:
        self.until, self._latest = until, latest

    def takes(self, record: LogRecord) -> bool:
        """Whether a record counts. Ask first in the order of each partition."""
        if record.offset >= self.until.get(record.place, 0):
            return False
        if record.timestamp > self._latest:
            self.until[record.place] = record.offset
            return False
        return True

    @property
    def position(self) -> str:
        """Where the records that count end, as far as was asked."""
        return str(Position({(_aggregate(topic), number): end for (topic, number), end in self.until.items()}))


def _aggregate(topic: str) -> str:
    return topic.rsplit(".", 2)[1]


def _cut(source: Source, at: Position | None) -> _Cut:
    """What is before a position, or committed now. Raises BadPosition."""
    now = now_us() // 1_000
    ends = log.ends(source.kafka, source.prefix, [f"{kind}.events" for kind in KINDS])
    if at is None:
        return _Cut({place: end for place, end in ends.items() if end}, now)
    until: dict[Place, int] = {}
    for (kind, partition), offset in at.items():
        place = (f"{source.prefix}.{kind}.events", partition)
        if kind in KINDS:
            if offset > ends.get(place, 0):
                raise BadPosition(f"the position names {kind}:{partition}:{offset}, but the log ends at {ends.get(place, 0)} there")
            until[place] = offset
    following = log.first_times(source.kafka, {place: offset for place, offset in until.items() if offset < ends[place]})
    return _Cut(until, min(following, default=now + 1) - 1)


def _begins(until: Mapping[Place, int]) -> dict[Place, int]:
    """From where on migrations that have ended are learnt from."""
    places = [place for place in until if _aggregate(place[0]) == MIGRATION]
    return {place: until[place] - MOST_LEARNT // len(places) for place in places}
