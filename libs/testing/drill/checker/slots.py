"""What migrations did, held against the slots that they say they had: nothing goes forward without all of them."""

from collections.abc import Sequence
from typing import Any

from libs.testing.drill.checker.findings import LIMITS, Findings
from libs.testing.drill.checker.story import ENDS, Event, Story

Change = tuple[int, int]


def check_slots(story: Story, found: Findings) -> None:
    """Go through every migration, then count who held what at once by the migrations' own words."""
    changes: dict[str, list[Change]] = {}
    for name, events in story.migrations.items():
        migration = _Migration(name, found)
        migration.follow(events)
        for capacity, at, by in migration.changes:
            changes.setdefault(capacity, []).append((at, by))
    for capacity, found_changes in changes.items():
        _check_at_once(capacity, _limits_of(story.capacities.get(capacity, ())), found_changes, found)


def _limits_of(events: Sequence[Event]) -> list[int]:
    return [event.body["settings"]["limit"] for event in events if event.kind == "CapacitySet"]


def _check_at_once(capacity: str, limits: list[int], changes: list[Change], found: Findings) -> None:
    """The highest limit that it ever had counts; slots given back at a moment are free at that moment."""
    most = max(limits, default=0)
    held = 0
    for at, by in sorted(changes) if most and all(limits) else ():
        held += by
        if held > most:
            found.add(LIMITS, f"{capacity} at {at}: {held} migrations say that they hold a slot, {most} may")


class _Migration:
    def __init__(self, name: str, found: Findings) -> None:
        self._name, self._found = name, found
        self._needs: set[str] = set()
        self._holds: set[str] = set()
        self._admitted, self._wave = False, ""
        self._back = self._crossed = False
        self.changes: list[tuple[str, int, int]] = []

    def follow(self, events: Sequence[Event]) -> None:
        for event in events:
            self._take(event.kind, event.body, event.at)
            if event.kind in ENDS and self._holds:
                self._found.add(LIMITS, f"{self._name} has ended and holds slots of {sorted(self._holds)}")

    def _take(self, kind: str, body: Any, at: int) -> None:
        if kind == "MigrationRequested":
            self._wave, self._needs = body["request"]["wave"], set(body["request"].get("limits", ()))
        elif kind == "MigrationAdmitted":
            self._admitted = True
            self._needs |= set(body["limits"])
        elif kind == "SlotTaken":
            self._hold(body["capacity"], at)
        elif kind == "SlotLost":
            self._let_go({body["capacity"]}, at)
        elif kind == "SlotsReleased" or kind in ENDS:
            self._let_go(set(self._holds), at)
        elif kind == "WorkDispatched":
            self._dispatched(body, at)
        elif kind in ("StopRequested", "RollbackStarted"):
            self._back = True
        elif kind == "RewindCompleted":
            self._back = False

    def _dispatched(self, body: Any, at: int) -> None:
        forward = body["work"]["direction"] in ("apply", "check") and body["work"]["step"] >= 0 and not self._back
        if forward and not self._crossed:
            if self._wave and not self._admitted:
                self._found.add(LIMITS, f"{self._name} at {at}: {body['name']} begins before wave {self._wave} admitted it")
            if missing := self._needs - self._holds:
                self._found.add(LIMITS, f"{self._name} at {at}: {body['name']} begins without slots of {sorted(missing)}")
        self._crossed = self._crossed or (forward and body["point_of_no_return"])

    def _hold(self, capacity: str, at: int) -> None:
        if capacity not in self._holds:
            self._holds.add(capacity)
            self.changes.append((capacity, at, 1))

    def _let_go(self, capacities: set[str], at: int) -> None:
        self.changes += [(capacity, at, -1) for capacity in sorted(capacities & self._holds)]
        self._holds -= capacities
