"""The invariants that hold among migrations and what they share, checked event by event over the whole log."""

from collections.abc import Callable
from typing import Any

from libs.contracts import capacity as c
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import gates as g
from libs.domain.policies import holder_of, migration_of
from libs.testing.simulator.invariants import hold


class FleetLedger:
    """Reads the events of all aggregates in the order of the log."""

    def __init__(self) -> None:
        self.holders: dict[str, set[str]] = {}
        self.waiting: dict[str, set[str]] = {}
        self._limits: dict[str, int] = {}
        self._granted: set[tuple[str, str]] = set()

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

    def at_rest(self) -> None:
        """Everything has come to rest. Raises Violation."""
        for capacity in self.holders:
            names = {migration_of(holder)[0] for holder in self.holders[capacity] | self.waiting[capacity]}
            hold("I21", not names, f"everybody has ended, but {sorted(names)} still hold slots of {capacity} or wait for them")


_CHECKS: dict[type[Any], Callable[[FleetLedger, str, Any], None]] = {
    c.CapacitySet: FleetLedger.limited,
    c.SlotQueued: FleetLedger.queued,
    c.SlotGranted: FleetLedger.granted,
    c.SlotFreed: FleetLedger.freed,
    c.SlotRevoked: FleetLedger.freed,
    g.SlotTaken: FleetLedger.taken,
}
