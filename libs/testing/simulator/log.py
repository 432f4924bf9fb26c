"""The log and its one writer: commands in batches, decided on an overlay, committed whole or not at all."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.waking import WAKES
from libs.domain.decider import Command, Decider
from libs.domain.history import digest_of
from libs.domain.policy import Policies
from libs.rehearse.answering import Entry, Hash, Sent, answer, quick_hash
from libs.testing.simulator.fleet import FleetLedger
from libs.testing.simulator.invariants import Ledger, hold

MIGRATION = "migration"
NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Committed(NamedTuple):
    """What a batch led to: the aggregates that changed, with their kinds, and the commands of policies."""

    changed: dict[str, str]
    sent: list[Sent]


class Decided(NamedTuple):
    """A command whose answer was committed, and the time it was stamped with."""

    command: Command
    now: int
    kind: str = MIGRATION


Answered = list[tuple[Entry, bytes]]


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
        self._batch: list[tuple[Decided, Answered]] = []
        self._sent: list[Sent] = []
        self._answered: set[tuple[str, str, bytes]] = set()

    def state(self, aggregate: str, kind: str = MIGRATION) -> Any:
        """Committed state of an aggregate."""
        return self._states.get(aggregate, self._deciders[kind].initial)

    def decide(self, command: Command, now: int, kind: str = MIGRATION) -> None:
        """Decide one command of the batch in hand."""
        decider = self._deciders[kind]
        aggregate = command.envelope.aggregate
        state = self._overlay.get(aggregate) or self.state(aggregate, kind)
        answered = answer(decider, self._policies, state, command, now, self._hash)
        self._batch.append((Decided(command, now, kind), answered.events))
        self._sent += answered.sent
        if answered.events and answered.exists:
            self._overlay[aggregate] = answered.state

    def abandon(self) -> None:
        """The validator dies before the commit: nothing of the batch was ever there."""
        self._overlay, self._batch, self._sent = {}, [], []

    def commit(self) -> Committed:
        """The batch becomes history, with what policies make of it. Raises Violation."""
        for decided, answered in self._batch:
            self._check_answer(decided, answered)
            self.decided.append(decided)
            for entry, hash_ in answered:
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

    def _check_answer(self, decided: Decided, answered: Answered) -> None:
        command, kind = decided.command, decided.kind
        digest = digest_of(self._deciders[kind], command.body)
        name = _name_of(command)
        if answered and answered[0][0].envelope.version:
            hold("I5", (*name, digest) not in self._answered, f"{name} was answered twice")
            self._answered.add((*name, digest))
        unknown = not self.state(command.envelope.aggregate, kind).stream.version
        hold("I13", bool(answered) or not digest or unknown or (*name, digest) in self._answered, f"{name} was not answered")


def _name_of(command: Command) -> tuple[str, str]:
    envelope: CommandEnvelope = command.envelope
    body = command.body
    return envelope.aggregate, f"wake {body.wake_at}" if type(body) in WAKES.values() else envelope.command_id
