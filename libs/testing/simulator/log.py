"""The log and its one writer: commands in batches, decided on an overlay, committed whole or not at all."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.contracts.envelope import CommandEnvelope, EventEnvelope, follow
from libs.contracts.refusal import CommandRefused
from libs.contracts.waking import WAKES
from libs.domain.decider import Command, Decider
from libs.domain.history import advance, digest_of, respond
from libs.domain.policy import Policies, consequences
from libs.testing.simulator.fleet import FleetLedger
from libs.testing.simulator.invariants import Ledger, hold

Hash = Callable[[EventEnvelope, Any], bytes]
MIGRATION = "migration"
NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Sent(NamedTuple):
    """A command that a policy sends, and the kind of aggregate it is for."""

    kind: str
    command: Command


class Committed(NamedTuple):
    """What a batch led to: the aggregates that changed, with their kinds, and the commands of policies."""

    changed: dict[str, str]
    sent: list[Sent]


class Entry(NamedTuple):
    """One event of the log."""

    envelope: EventEnvelope
    body: Any


def quick_hash(envelope: EventEnvelope, body: Any) -> bytes:
    """A stand-in for the chain hash that needs no Avro."""
    return envelope.event_id.encode()


class Decided(NamedTuple):
    """A command whose answer was committed, and the time it was stamped with."""

    command: Command
    now: int
    kind: str = MIGRATION


Answer = list[tuple[Entry, bytes]]


class Log:
    """Events and states of all migrations, and of what they wait for; every committed answer is held to the invariants.

    `others` are the deciders of other kinds of aggregates, `policies` what sends them commands. An id names one aggregate.
    """

    def __init__(
        self, decider: Decider, hash_of: Hash = quick_hash, *, others: Mapping[str, Decider] = NOTHING, policies: Policies = NOTHING
    ) -> None:
        self.entries: list[Entry] = []
        self.decided: list[Decided] = []
        self.ledgers: dict[str, Ledger] = {}
        self.fleet = FleetLedger() if others else None
        self._deciders, self._policies, self._hash = {MIGRATION: decider, **others}, policies, hash_of
        self._states: dict[str, Any] = {}
        self._overlay: dict[str, Any] = {}
        self._batch: list[tuple[Decided, Answer]] = []
        self._sent: list[Sent] = []
        self._answered: set[tuple[str, str, bytes]] = set()

    def state(self, aggregate: str, kind: str = MIGRATION) -> Any:
        """Committed state of an aggregate."""
        return self._states.get(aggregate, self._deciders[kind].initial)

    def decide(self, command: Command, now: int, kind: str = MIGRATION) -> None:
        """Decide one command of the batch in hand."""
        decider = self._deciders[kind]
        aggregate, digest = command.envelope.aggregate, digest_of(decider, command.body)
        state = self._overlay.get(aggregate) or self.state(aggregate, kind)
        events = respond(decider, state, command, now, digest)
        self._batch.append((Decided(command, now, kind), self._fold(decider, state, command, events, now, digest)))

    def _fold(self, decider: Decider, state: Any, command: Command, events: Any, now: int, digest: bytes) -> Answer:
        stream, answer = state.stream, []
        exists = stream.version > 0 or any(type(event) is not CommandRefused for event in events)
        for ordinal, event in enumerate(events):
            version = stream.version + 1 if exists else 0
            envelope = follow(command.envelope, ordinal=ordinal, version=version, recorded_at=now, previous=stream.head, digest=digest)
            hash_ = self._hash(envelope, event)
            answer.append((Entry(envelope, event), hash_))
            if exists:
                stream, state = advance(stream, envelope, hash_), decider.evolve(state, event)
                policy = self._policies.get(type(event))
                if policy is not None:
                    self._sent += [Sent(kind, Command(to, body)) for kind, to, body in consequences(policy, event, envelope, state)]
        if events and exists:
            self._overlay[command.envelope.aggregate] = replace(state, stream=stream)
        return answer

    def abandon(self) -> None:
        """The validator dies before the commit: nothing of the batch was ever there."""
        self._overlay, self._batch, self._sent = {}, [], []

    def commit(self) -> Committed:
        """The batch becomes history, with what policies make of it. Raises Violation."""
        for decided, answer in self._batch:
            self._check_answer(decided, answer)
            self.decided.append(decided)
            for entry, hash_ in answer:
                self.entries.append(entry)
                if entry.envelope.version:
                    self._check_event(decided.kind, entry, hash_)
        done = Committed({aggregate: self._kind(aggregate) for aggregate in self._overlay}, self._sent)
        for aggregate, state in self._overlay.items():
            if aggregate in self.ledgers:
                self.ledgers[aggregate].state(state)
        self._states.update(self._overlay)
        self.abandon()
        return done

    def _kind(self, aggregate: str) -> str:
        return next(decided.kind for decided, _ in self._batch if decided.command.envelope.aggregate == aggregate)

    def _check_event(self, kind: str, entry: Entry, hash_: bytes) -> None:
        if kind == MIGRATION:
            self.ledgers.setdefault(entry.envelope.aggregate, Ledger()).take(entry.envelope, entry.body, hash_)
        if self.fleet:
            self.fleet.take(entry.envelope, entry.body)

    def _check_answer(self, decided: Decided, answer: Answer) -> None:
        command, kind = decided.command, decided.kind
        digest = digest_of(self._deciders[kind], command.body)
        name = _name_of(command)
        if answer and answer[0][0].envelope.version:
            hold("I5", (*name, digest) not in self._answered, f"{name} was answered twice")
            self._answered.add((*name, digest))
        unknown = not self.state(command.envelope.aggregate, kind).stream.version
        hold("I13", bool(answer) or not digest or unknown or (*name, digest) in self._answered, f"{name} was not answered")


def _name_of(command: Command) -> tuple[str, str]:
    envelope: CommandEnvelope = command.envelope
    body = command.body
    return envelope.aggregate, f"wake {body.wake_at}" if type(body) in WAKES.values() else envelope.command_id
