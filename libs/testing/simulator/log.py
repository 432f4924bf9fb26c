"""The log and its one writer: commands in batches, decided on an overlay, committed whole or not at all."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.contracts.envelope import CommandEnvelope, EventEnvelope, follow
from libs.contracts.migration.commands import WakeMigration
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Command, Decider
from libs.domain.history import advance, digest_of, respond
from libs.testing.simulator.invariants import Ledger, hold

Hash = Callable[[EventEnvelope, Any], bytes]


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


class Log:
    """Events and states of all migrations; every committed answer is held to the invariants."""

    def __init__(self, decider: Decider, hash_of: Hash = quick_hash) -> None:
        self.entries: list[Entry] = []
        self.decided: list[Decided] = []
        self.ledgers: dict[str, Ledger] = {}
        self._decider, self._hash = decider, hash_of
        self._states: dict[str, Any] = {}
        self._overlay: dict[str, Any] = {}
        self._batch: list[tuple[Decided, list[tuple[Entry, bytes]]]] = []
        self._answered: set[tuple[str, str, bytes]] = set()

    def state(self, aggregate: str) -> Any:
        """Committed state of a migration."""
        return self._states.get(aggregate, self._decider.initial)

    def decide(self, command: Command, now: int) -> None:
        """Decide one command of the batch in hand."""
        aggregate, digest = command.envelope.aggregate, digest_of(self._decider, command.body)
        state = self._overlay.get(aggregate) or self.state(aggregate)
        events = respond(self._decider, state, command, now, digest)
        self._batch.append((Decided(command, now), self._fold(state, command, events, now, digest)))

    def _fold(self, state: Any, command: Command, events: Any, now: int, digest: bytes) -> list[tuple[Entry, bytes]]:
        stream, answer = state.stream, []
        exists = stream.version > 0 or any(type(event) is not CommandRefused for event in events)
        for ordinal, event in enumerate(events):
            version = stream.version + 1 if exists else 0
            envelope = follow(command.envelope, ordinal=ordinal, version=version, recorded_at=now, previous=stream.head, digest=digest)
            hash_ = self._hash(envelope, event)
            answer.append((Entry(envelope, event), hash_))
            if exists:
                stream, state = advance(stream, envelope, hash_), self._decider.evolve(state, event)
        if events and exists:
            self._overlay[command.envelope.aggregate] = replace(state, stream=stream)
        return answer

    def abandon(self) -> None:
        """The validator dies before the commit: nothing of the batch was ever there."""
        self._overlay, self._batch = {}, []

    def commit(self) -> set[str]:
        """The batch becomes history. Returns the migrations that changed. Raises Violation."""
        for decided, answer in self._batch:
            self._check_answer(decided.command, answer)
            self.decided.append(decided)
            for entry, hash_ in answer:
                self.entries.append(entry)
                if entry.envelope.version:
                    self.ledgers.setdefault(entry.envelope.aggregate, Ledger()).take(entry.envelope, entry.body, hash_)
        changed = set(self._overlay)
        for aggregate, state in self._overlay.items():
            self.ledgers[aggregate].state(state)
        self._states.update(self._overlay)
        self.abandon()
        return changed

    def _check_answer(self, command: Command, answer: list[tuple[Entry, bytes]]) -> None:
        digest = digest_of(self._decider, command.body)
        name = _name_of(command)
        if answer and answer[0][0].envelope.version:
            hold("I5", (*name, digest) not in self._answered, f"{name} was answered twice")
            self._answered.add((*name, digest))
        unknown = not self.state(command.envelope.aggregate).stream.version
        hold("I13", bool(answer) or not digest or unknown or (*name, digest) in self._answered, f"{name} was not answered")


def _name_of(command: Command) -> tuple[str, str]:
    envelope: CommandEnvelope = command.envelope
    body = command.body
    return envelope.aggregate, f"wake {body.wake_at}" if type(body) is WakeMigration else envelope.command_id
