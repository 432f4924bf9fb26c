"""Every slot that was granted, held against what its capacity allowed at that moment: at once, in a minute, and by the calendar."""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.testing.drill.checker.findings import LIMITS, Findings
from libs.testing.drill.checker.story import Event, Story

MINUTE_US = 60_000_000
Settings = Mapping[str, Any]


def check_capacities(story: Story, found: Findings) -> None:
    """Go through the history of every capacity."""
    for name, events in story.capacities.items():
        _History(name, found).follow(events)


class _History:
    def __init__(self, name: str, found: Findings) -> None:
        self._name, self._found = name, found
        self._settings: Settings = {}
        self._override = 0
        self._held: set[str] = set()
        self._grants: list[int] = []

    def follow(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "CapacitySet":
                self._settings = event.body["settings"]
            elif event.kind == "FreezeOverridden":
                self._override = event.body["until"]
            elif event.kind in ("SlotFreed", "SlotRevoked"):
                self._held.discard(event.body["holder"])
            elif event.kind == "SlotGranted":
                self._granted(event.body["holder"], event.at)
        if self._held:
            self._found.add(LIMITS, f"{self._name}: {len(self._held)} slots are still held, e.g. by {min(self._held)}")

    def _granted(self, holder: str, at: int) -> None:
        limit, rate = self._settings.get("limit", 0), self._settings.get("per_minute", 0)
        if holder in self._held:
            self._broken(at, f"{holder} got a second slot")
        self._held.add(holder)
        self._grants.append(at)
        if limit and len(self._held) > limit:
            self._broken(at, f"{len(self._held)} hold slots, {limit} may")
        lately = sum(at - MINUTE_US < one <= at for one in self._grants)
        if rate and lately > rate:
            self._broken(at, f"{lately} slots in a minute, {rate} may be granted")
        if at >= self._override and (why := closed(self._settings, at)):
            self._broken(at, why)

    def _broken(self, at: int, why: str) -> None:
        self._found.add(LIMITS, f"{self._name} at {at}: {why}")


def closed(settings: Settings, at: int) -> str:
    """Why a calendar forbids a grant at a moment; empty when it allows one."""
    windows, freezes = settings.get("windows", ()), settings.get("freezes", ())
    for freeze in freezes:
        if freeze["begins"] <= at < freeze["ends"]:
            return f"the freeze {freeze['label']!r} is on"
    if windows and not _within(windows, at):
        return "no window is open"
    closes = [freeze["begins"] for freeze in freezes] + [one["ends"] for one in windows if not _within(windows, one["ends"])]
    lockout = settings.get("lockout_ms", 0) * 1_000
    if any(at < close <= at + lockout for close in closes):
        return "it closes within the lock-out"
    return ""


def _within(spans: Sequence[Settings], at: int) -> bool:
    return any(span["begins"] <= at < span["ends"] for span in spans)
