"""What one run came to, and what it is counted by while it runs."""

import hashlib
from collections import Counter
from typing import Any, NamedTuple

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import events as e
from libs.domain.migration.archiving import OVER
from libs.rehearse.draws import Basis
from libs.rehearse.fork import CAPACITY, MIGRATION, Fork, request_of
from libs.rehearse.history import Key
from libs.telling.event_types import CALLBACK_NAMES, NAMES, wanted_name

SUBSCRIPTION, CALLBACK = "subscription", "callback"
_ENDS: dict[type[Any], str] = {
    e.MigrationCompleted: "completed",
    e.MigrationRolledBack: "rolled_back",
    e.MigrationCancelled: "cancelled",
    e.MigrationRejected: "rejected",
}
Told = Counter[tuple[str, str]]
"""Deliveries by subscription or callback: which of both, and its id or URL."""


class Outcome(NamedTuple):
    """One run. Times in microseconds since the epoch; 0 where it did not come to that."""

    finished: int
    waves: dict[str, int]
    """When the last member of each wave ended."""
    ends: Counter[str]
    """How many members ended how, or came to rest as what without having ended."""
    resting: dict[str, str]
    """Members that did not end, and as what they came to rest."""
    late: tuple[str, ...]
    """Members that were not completed by their due date."""
    running: int
    """Most members on their way at once."""
    held: dict[str, int]
    """Most slots held at once, by capacity."""
    told: Told
    refused: tuple[tuple[int, str], ...]
    """Commands of the what-if that were refused: number and message."""
    truncated: bool
    events: int
    digest: str
    """Hash over every event of the run."""
    bases: dict[Key, Basis]


class Tally:
    """Counts what happens to the members of the waves asked for."""

    def __init__(self, fork: Fork, members: dict[str, tuple[str, ...]]) -> None:
        """`members` are those of each wave, by its name."""
        self._fork, self._digest = fork, hashlib.blake2b(digest_size=16)
        self.waves_of: dict[str, list[str]] = {}
        self.open: dict[str, set[str]] = {name: set() for name in members}
        self.ended: dict[str, tuple[str, int]] = {}
        self.told: Told = Counter()
        self.events, self.running, self.finished = 0, 0, 0
        self.waves: dict[str, int] = {}
        self.held: dict[str, int] = {}
        self._under_way: set[str] = set()
        self._wanting: dict[type[Any], list[tuple[str, int]]] = {}
        for wave, migrations in members.items():
            for migration in migrations:
                self.join(wave, migration, fork.states.get((MIGRATION, migration)))
        for (kind, name), state in fork.states.items():
            if kind == CAPACITY:
                self.held[name] = state.held

    def join(self, wave: str, migration: str, state: Any) -> None:
        """A member of a wave asked for."""
        if wave in self.waves_of.setdefault(migration, []):
            return
        self.waves_of[migration].append(wave)
        if state is not None and state.mode in OVER:
            self.ended.setdefault(migration, (state.status, self._fork.ended_at.get(migration, self._fork.at)))
        elif migration not in self.ended:
            self.open[wave].add(migration)
            if state is not None and (state.dispatched >= 0 or any(work.step >= 0 for work in state.pending)):
                self._begun(migration)

    @property
    def over(self) -> bool:
        """Whether every member has ended."""
        return not any(self.open.values())

    def take(self, kind: str, envelope: EventEnvelope, body: Any, state: Any) -> None:
        """One event more, and the state after it."""
        self.events += 1
        name, event = envelope.aggregate, type(body)
        self._digest.update(f"{envelope.recorded_at} {kind} {name} {envelope.version} {event.__name__}\n".encode())
        if kind == CAPACITY:
            if state.held > self.held.get(name, -1):
                self.held[name] = state.held
        elif kind == MIGRATION and name in self.waves_of:
            self._of_member(name, envelope.recorded_at, body, state)

    def _of_member(self, name: str, now: int, body: Any, state: Any) -> None:
        event = type(body)
        if event is e.WorkDispatched and body.work.step >= 0:
            self._begun(name)
        if event in NAMES:
            self._tell(now, event, state)
        end = _ENDS.get(event)
        if end is not None:
            self._end(name, end, now)

    def _begun(self, name: str) -> None:
        self._under_way.add(name)
        self.running = max(self.running, len(self._under_way))

    def _end(self, name: str, end: str, now: int) -> None:
        self.ended[name] = (end, now)
        self._under_way.discard(name)
        for wave in self.waves_of[name]:
            self.open[wave].discard(name)
            if not self.open[wave]:
                self.waves[wave] = now
        self.finished = now

    def _tell(self, now: int, event: type[Any], state: Any) -> None:
        if event not in self._wanting:
            self._wanting[event] = [
                (listener.subscription, listener.since)
                for listener in self._fork.listeners
                if wanted_name(listener.interest.event_types, event)
            ]
        for subscription, since in self._wanting[event]:
            if since <= now:
                self.told[SUBSCRIPTION, subscription] += 1
        if event in CALLBACK_NAMES and state.request and request_of(state).callback_url:
            self.told[CALLBACK, request_of(state).callback_url] += 1

    @property
    def digest(self) -> str:
        """Hash over every event so far."""
        return self._digest.hexdigest()
