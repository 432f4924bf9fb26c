"""The log up to a position, folded into a fork. Reads as anybody may: outside any group, committed records only, nothing is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.audit import log
from libs.audit.record import LogRecord, Place
from libs.contracts.avro import schema_of
from libs.contracts.envelope import POLICY, EventEnvelope
from libs.contracts.migration import events as e
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.history import advance
from libs.domain.policies import POLICIES
from libs.domain.policy import consequences
from libs.domain.subscription import ACTIVE
from libs.readmodel.position import Position
from libs.rehearse.answering import Entry, Sent
from libs.rehearse.fork import MIGRATION, WAVE_KIND, Fork, Id, Listener, members_of
from libs.rehearse.history import Learner
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.errors import Poison
from libs.runtime.registry import Registry

KINDS = (WAVE_KIND, "capacity", "subscription", MIGRATION)
"""What a fork is made of; migrations last, because which of those that have ended matter is known by the waves."""
MOST_LEARNT = 500_000
"""Events that durations and failures are learnt from: the latest, the same number in each partition."""
UNANSWERED_US = 600_000_000
"""How long before the fork an event is at most whose consequences may still be on their way."""
_ENDS = {
    schema_of(end).full_name.encode() for end in (e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled, e.MigrationRejected)
}


class Source(NamedTuple):
    """Where the log is."""

    kafka: str
    registry: str
    prefix: str
    tenant: str


class BadPosition(ValueError):
    """A position that this log does not have; the message says why."""


def read(source: Source, at: Position | None, waves: Sequence[str], told: Callable[[int], None]) -> Fork:
    """The fork at a position, or at what is committed now. `told` is called with the number of events read, now and then.

    `waves` are those asked for: of other waves' members, those that have ended are left out.
    Raises BadPosition, Misconfigured, KafkaException, TimeoutError, RegistryUnavailable.
    """
    return _Reading(source, at, waves, told).fork()


class _Folded(NamedTuple):
    state: Any
    at: int
    environment: str


class _Reading:
    """One reading of the log."""

    def __init__(self, source: Source, at: Position | None, waves: Sequence[str], told: Callable[[int], None]) -> None:
        self._source, self._waves, self._told = source, waves, told
        self._codec = Codec(Registry(source.registry), source.prefix, "rehearse")
        self._mine = f"{source.tenant}/".encode()
        self._latest = now_us() // 1_000 if at is None else 0
        self._until = _until(source, at)
        self._count, self._at, self._environment = 0, 0, ""
        self._folded: dict[Id, _Folded] = {}
        self._learner = Learner()
        self._sent: dict[tuple[Id, Id], list[tuple[int, Sent]]] = {}
        self._answered: set[str] = set()

    def fork(self) -> Fork:
        for kind in KINDS[:-1]:
            for record in self._records(kind):
                self._fold(kind, [record])
        self._migrations()
        position = Position({(_aggregate(topic), partition): end for (topic, partition), end in self._until.items()})
        states = {id_: folded.state for id_, folded in self._folded.items() if id_[0] != "subscription"}
        return Fork(
            position=str(position),
            at=self._at,
            tenant=self._source.tenant,
            environment=self._environment,
            states=states,
            unsent=tuple(self._unsent()),
            ended_at={name: folded.at for (kind, name), folded in self._folded.items() if kind == MIGRATION},
            history=self._learner.history(),
            listeners=tuple(self._listeners()),
        )

    def _records(self, kind: str) -> Iterator[LogRecord]:
        """Records of the tenant. Whatever was written after reading began is left out, and with it all that follows in its
        partition: so no event is there without its cause, whichever partition was asked first."""
        topic = f"{self._source.prefix}.{kind}.events"
        over: set[Place] = set()
        for record in log.records(self._source.kafka, self._source.prefix, [f"{kind}.events"], self._until):
            if record.place in over:
                continue
            if self._latest and record.timestamp > self._latest:
                over.add(record.place)
                self._until[record.place] = record.offset
                continue
            self._count += 1
            if self._count % 1_000 == 0:
                self._told(self._count)
            if record.topic == topic and record.key.startswith(self._mine):
                yield record

    def _migrations(self) -> None:
        """Migrations that have ended teach, and are forgotten unless they are members of a wave asked for or before it."""
        open_: dict[bytes, list[LogRecord]] = {}
        kept = {f"{self._source.tenant}/{name}".encode() for name in self._members()}
        begins = _begins(self._until)
        for record in self._records(MIGRATION):
            ended = record.header("ce_type") in _ENDS
            if not ended or record.key in kept:
                open_.setdefault(record.key, []).append(record)
            elif (records := open_.pop(record.key, None)) and record.offset >= begins[record.place]:
                self._learner.migration(_entries(self._decoded([*records, record])))
        for records in open_.values():
            self._learner.migration(self._fold(MIGRATION, records))

    def _members(self) -> Iterator[str]:
        """Members of the waves asked for and of those they come after."""
        waves, seen = [*self._waves], set[str]()
        for name in waves:
            folded = self._folded.get((WAVE_KIND, name))
            if name in seen or folded is None:
                continue
            seen.add(name)
            yield from members_of(folded.state)
            waves += folded.state.settings.after

    def _decoded(self, records: Iterable[LogRecord]) -> Iterator[tuple[EventEnvelope, Any, bytes]]:
        for record in records:
            try:
                found = self._codec.decode(record.topic, record.key, record.value, [*record.headers])
            except Poison:
                continue  # a stranger's: the validator does not fold it either
            yield found.envelope, found.body, found.hash

    def _fold(self, kind: str, records: Iterable[LogRecord]) -> list[Entry]:
        """Fold events that follow what is known of their aggregate; returns those."""
        decider, entries = DECIDERS[kind], list[Entry]()
        for envelope, body, hash_ in self._decoded(records):
            id_ = (kind, envelope.aggregate)
            state = self._folded[id_].state if id_ in self._folded else decider.initial
            if envelope.version != state.stream.version + 1 or envelope.previous != state.stream.head:
                continue
            state = replace(decider.evolve(state, body), stream=advance(state.stream, envelope, hash_))
            self._folded[id_] = _Folded(state, envelope.recorded_at, envelope.environment)
            if envelope.recorded_at >= self._at:
                self._at, self._environment = envelope.recorded_at, envelope.environment
            entries.append(Entry(envelope, body))
            self._follow(id_, envelope, body, state)
        return entries

    def _follow(self, id_: Id, envelope: EventEnvelope, body: Any, state: Any) -> None:
        """Note what policies send because of an event, and that an event answers what a policy sent."""
        policy = POLICIES.get(type(body))
        for kind, command, asked in consequences(policy, body, envelope, state) if policy else ():
            between = self._sent.setdefault((id_, (kind, command.aggregate)), [])
            between.append((envelope.recorded_at, Sent(kind, Command(command, asked))))
        if envelope.actor.startswith(POLICY):
            self._answered.add(envelope.causation_id)
            if id_[0] != MIGRATION:
                self._learner.lag(envelope)

    def _unsent(self) -> list[Sent]:
        """Commands of policies that may still be on their way: those after the last that was answered, of one aggregate to another."""
        found: list[tuple[int, Sent]] = []
        for between in self._sent.values():
            last = max((n for n, (_, sent) in enumerate(between) if sent.command.envelope.command_id in self._answered), default=-1)
            found += [(at, sent) for at, sent in between[last + 1 :] if at >= self._at - UNANSWERED_US]
        return [sent for _, sent in sorted(found, key=lambda pair: pair[0])]

    def _listeners(self) -> Iterator[Listener]:
        for (kind, name), (state, _, _) in sorted(self._folded.items(), key=lambda item: item[0]):
            if kind == "subscription" and state.status == ACTIVE:
                yield Listener(name, state.interest, state.since)


def _entries(decoded: Iterable[tuple[EventEnvelope, Any, bytes]]) -> Iterator[Entry]:
    return (Entry(envelope, body) for envelope, body, _ in decoded if envelope.version)


def _aggregate(topic: str) -> str:
    return topic.rsplit(".", 2)[1]


def _until(source: Source, at: Position | None) -> dict[Place, int]:
    """Where reading ends in each partition. Raises BadPosition."""
    ends = log.ends(source.kafka, source.prefix, [f"{kind}.events" for kind in KINDS])
    if at is None:
        return {place: end for place, end in ends.items() if end}
    found: dict[Place, int] = {}
    for (kind, partition), offset in at.items():
        place = (f"{source.prefix}.{kind}.events", partition)
        if kind in KINDS:
            if offset > ends.get(place, 0):
                raise BadPosition(f"the position names {kind}:{partition}:{offset}, but the log ends at {ends.get(place, 0)} there")
            found[place] = offset
    return found


def _begins(until: Mapping[Place, int]) -> dict[Place, int]:
    """From where on migrations that have ended are learnt from."""
    places = [place for place in until if _aggregate(place[0]) == MIGRATION]
    return {place: until[place] - MOST_LEARNT // len(places) for place in places}
