"""Order: members after what they depend on, waves after the waves before them, never more under way or lost than a wave allows, nobody while it is
stopped."""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.testing.drill.checker.findings import LIMITS, Findings
from libs.testing.drill.checker.story import ENDS, Event, Story

_CLOSES = ("WaveStopped", "WavePaused", "WaveCancelled", "WaveRollbackStarted")
_OPENS = ("WaveStarted", "WaveResumed")
_FAILURES = ("failed", "stuck", "rolled_back", "rejected", "undeclared")


def check_waves(story: Story, found: Findings) -> None:
    """Go through every wave."""
    done = {name: end.at for name, end in story.ends.items() if end.kind == "MigrationCompleted"}
    finished = {name: event.at for name, events in story.waves.items() for event in events if event.kind == "WaveCompleted"}
    for name, events in story.waves.items():
        wave = _Wave(name, done, finished, found)
        for event in events:
            wave.take(event)
        _check_running(name, story, wave.settings, found)


class _Wave:
    def __init__(self, name: str, done: Mapping[str, int], finished: Mapping[str, int], found: Findings) -> None:
        self._name, self._done, self._finished, self._found = name, done, finished, found
        self._depends: dict[str, Sequence[str]] = {}
        self._stands: dict[str, str] = {}
        self._accepted = 0
        self._admits = False
        self.settings: list[Mapping[str, Any]] = []

    def take(self, event: Event) -> None:
        if event.kind == "WavePlanned":
            self.settings.append(event.body["settings"])
        elif event.kind == "MembersAdded":
            self._depends |= {member["migration"]: member["depends_on"] for member in event.body["members"]}
            self._stands = {name: outcome for name, outcome in self._stands.items() if outcome != "undeclared" or name not in self._depends}
        elif event.kind == "MemberNoted":
            self._stands[event.body["migration"]] = event.body["outcome"]
        elif event.kind in _CLOSES or event.kind in _OPENS:
            self._admits = event.kind in _OPENS
            self._accepted = self._failures if event.kind == "WaveResumed" else self._accepted
        elif event.kind == "MembersAdmitted":
            self._admitted(event)
        self._accepted = min(self._accepted, self._failures)

    @property
    def _failures(self) -> int:
        return sum(self._stands.get(name) in _FAILURES for name in self._depends)

    def _admitted(self, event: Event) -> None:
        if not self._admits:
            self._broken(event.at, "admits members while it is not to")
        if self._failures - self._accepted > self.settings[-1]["max_failures"]:
            self._broken(event.at, f"admits members after {self._failures} failures, of which {self._accepted} were accepted")
        for before in self.settings[-1]["after"]:
            if self._finished.get(before, event.at + 1) > event.at:
                self._broken(event.at, f"admits members before wave {before} is completed")
        for migration in event.body["migrations"]:
            for other in self._depends.get(migration, ()):
                if self._done.get(other, event.at + 1) > event.at:
                    self._broken(event.at, f"admits {migration} before {other} is completed")

    def _broken(self, at: int, why: str) -> None:
        self._found.add(LIMITS, f"wave {self._name} at {at}: {why}")


def _check_running(name: str, story: Story, settings: Sequence[Mapping[str, Any]], found: Findings) -> None:
    """Under way is who was admitted and has not ended."""
    most = max((one["max_running"] for one in settings), default=0)
    changes: list[tuple[int, int]] = []
    for events in story.migrations.values():
        if events[0].kind != "MigrationRequested" or events[0].body["request"]["wave"] != name:
            continue
        begun = [event.at for event in events if event.kind == "MigrationAdmitted"]
        if begun:
            changes += [(begun[0], 1), *((event.at, -1) for event in events if event.kind in ENDS)]
    running = 0
    for at, by in sorted(changes) if most and all(one["max_running"] for one in settings) else ():
        running += by
        if running > most:
            found.add(LIMITS, f"wave {name} at {at}: {running} are under way, {most} may be")
