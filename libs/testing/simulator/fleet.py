"""The invariants that hold among migrations and what they share, checked event by event over the whole log."""

from collections.abc import Callable
from typing import Any

from libs.contracts import capacity as c
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.wave import events as w
from libs.contracts.wave.state import WaveState
from libs.domain.slot_policies import holder_of, migration_of
from libs.domain.wave.views import standing_of
from libs.testing.simulator.invariants import hold


class FleetLedger:
    """Reads the events of all aggregates in the order of the log."""

    def __init__(self) -> None:
        self.holders: dict[str, set[str]] = {}
        self.waiting: dict[str, set[str]] = {}
        self._limits: dict[str, int] = {}
        self._granted: set[tuple[str, str]] = set()
        self._waves: dict[str, _Wave] = {}
        self._wave_of: dict[str, str] = {}
        self._depends: dict[str, tuple[str, ...]] = {}
        self._completed: set[str] = set()

    def take(self, envelope: EventEnvelope, event: Any) -> None:
        """The next event. Raises Violation."""
        check = _CHECKS.get(type(event))
        if check is not None:
            check(self, envelope.aggregate, event)

    def limited(self, capacity: str, event: c.CapacitySet) -> None:
        """What a capacity allows was replaced."""
        self._limits[capacity] = event.settings.limit

    def queued(self, capacity: str, event: c.SlotQueued) -> None:
        """Somebody waits for a slot."""
        self.waiting.setdefault(capacity, set()).add(event.holder)

    def granted(self, capacity: str, event: c.SlotGranted) -> None:
        """A slot was granted."""
        holders, limit = self.holders.setdefault(capacity, set()), self._limits.get(capacity, 0)
        hold("I22", event.holder not in holders, f"{capacity} grants {event.holder} a second slot")
        hold("I22", not limit or len(holders) < limit, f"{capacity} grants {event.holder} a slot beyond its limit of {limit}: {holders}")
        holders.add(event.holder)
        self.waiting.setdefault(capacity, set()).discard(event.holder)
        self._granted.add((capacity, event.holder))

    def freed(self, capacity: str, event: c.SlotFreed | c.SlotRevoked) -> None:
        """A slot is no longer held, or waited for."""
        self.holders.setdefault(capacity, set()).discard(event.holder)
        self.waiting.setdefault(capacity, set()).discard(event.holder)

    def taken(self, migration: str, event: g.SlotTaken) -> None:
        """A migration says that it holds a slot."""
        asked = (event.capacity, holder_of(migration, event.turn))
        hold("I20", asked in self._granted, f"{migration} takes a slot of {event.capacity} that turn {event.turn} was never granted")

    def requested(self, migration: str, event: e.MigrationRequested) -> None:
        """A migration was asked for."""
        self._wave_of[migration], self._depends[migration] = event.request.wave, event.request.depends_on

    def wave(self, name: str) -> "_Wave":
        """What is known of a wave."""
        return self._waves.setdefault(name, _Wave())

    def planned(self, name: str, event: w.WavePlanned) -> None:
        """Conditions were set, or replaced."""
        self.wave(name).most = event.settings.max_running

    def added(self, name: str, event: w.MembersAdded) -> None:
        """Members were added, or said anew."""
        self.wave(name).depends |= {member.migration: member.depends_on for member in event.members}

    def stopped(self, name: str, event: Any) -> None:
        """Nobody is admitted any more."""
        self.wave(name).admits = False

    def going(self, name: str, event: Any) -> None:
        """Members are admitted."""
        self.wave(name).admits = True

    def chosen(self, name: str, event: w.MembersAdmitted) -> None:
        """Members may begin."""
        wave = self.wave(name)
        for migration in event.migrations:
            members = [other for other in wave.depends.get(migration, ()) if other in wave.depends]
            open_ = set(members) - self._completed
            wave.known[migration] = set(wave.depends)
            hold("I23", not open_, f"{name} admits {migration} before {sorted(open_)} are completed")
        hold("I24", wave.admits, f"{name} admits {event.migrations} while it is not to admit anybody")

    def admitted(self, migration: str, event: g.MigrationAdmitted) -> None:
        """A migration took its admission."""
        wave = self.wave(self._wave_of[migration])
        open_ = (set(self._depends[migration]) & wave.known[migration]) - self._completed
        hold("I23", not open_, f"{migration} is admitted before {sorted(open_)} are completed")
        wave.under_way.add(migration)
        crowd = f"{sorted(wave.under_way)} of {self._wave_of[migration]} are under way"
        hold("I24", not wave.most or len(wave.under_way) <= wave.most, f"{crowd}, {wave.most} may")

    def ended(self, migration: str, event: Any) -> None:
        """A migration has ended."""
        self.wave(self._wave_of.get(migration, "")).under_way.discard(migration)
        if type(event) is e.MigrationCompleted:
            self._completed.add(migration)

    def at_rest(self) -> None:
        """Everything has come to rest. Raises Violation."""
        for capacity in self.holders:
            names = {migration_of(holder)[0] for holder in self.holders[capacity] | self.waiting[capacity]}
            hold("I21", not names, f"everybody has ended, but {sorted(names)} still hold slots of {capacity} or wait for them")


class _Wave:
    def __init__(self) -> None:
        self.depends: dict[str, tuple[str, ...]] = {}
        self.known: dict[str, set[str]] = {}
        self.most, self.admits = 0, False
        self.under_way: set[str] = set()


def known_ends(state: WaveState, status_of: Callable[[str], str]) -> None:
    """At rest a wave knows how each of its members has ended. Raises Violation."""
    for migration, name in standing_of(state):
        hold("I25", name == status_of(migration), f"the wave believes that {migration} is {name}, but it is {status_of(migration)}")


_CHECKS: dict[type[Any], Callable[[FleetLedger, str, Any], None]] = {
    c.CapacitySet: FleetLedger.limited,
    c.SlotQueued: FleetLedger.queued,
    c.SlotGranted: FleetLedger.granted,
    c.SlotFreed: FleetLedger.freed,
    c.SlotRevoked: FleetLedger.freed,
    g.SlotTaken: FleetLedger.taken,
    e.MigrationRequested: FleetLedger.requested,
    g.MigrationAdmitted: FleetLedger.admitted,
    e.MigrationRejected: FleetLedger.ended,
    e.MigrationRolledBack: FleetLedger.ended,
    e.MigrationCancelled: FleetLedger.ended,
    e.MigrationCompleted: FleetLedger.ended,
    w.WavePlanned: FleetLedger.planned,
    w.MembersAdded: FleetLedger.added,
    w.WaveStarted: FleetLedger.going,
    w.WaveResumed: FleetLedger.going,
    w.WaveStopped: FleetLedger.stopped,
    w.WavePaused: FleetLedger.stopped,
    w.WaveCancelled: FleetLedger.stopped,
    w.WaveRollbackStarted: FleetLedger.stopped,
    w.MembersAdmitted: FleetLedger.chosen,
}
