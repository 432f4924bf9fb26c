"""A stage for fault tests: services on a prefix, a journalled sender, a watcher of the log, and the checker at the end."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.topics import commands_of, events_of
from libs.runtime.codec import Codec
from libs.runtime.errors import RegistryUnavailable
from libs.runtime.registry import Registry
from libs.testing.chaos.chance import Random
from libs.testing.chaos.checker import Findings, check
from libs.testing.chaos.effects import Effect, read_effects
from libs.testing.chaos.generator import Sender
from libs.testing.chaos.journal import Entry, Journal, read_journal
from libs.testing.chaos.load import helping
from libs.testing.chaos.recording import Recording, committed, ends, record
from libs.testing.chaos.watching import Watcher
from libs.testing.services import RunningServers, Services, environment_of
from libs.testing.waiting import wait_until

PARTITIONS = 4
HELP_EVERY_S = 2.0


class Evidence(NamedTuple):
    """Everything the checker goes by, and what it found."""

    recording: Recording
    journal: list[Entry]
    effects: list[Effect]
    findings: Findings


class Scene:
    """Use from one thread that lives as long as its services. `say` is told what happens."""

    def __init__(
        self,
        stack: RunningServers,
        prefix: str,
        home: Path,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.stack, self.prefix, self.say = stack, prefix, say
        self.effects = home / "effects"
        self.effects.mkdir(parents=True)
        self.journal = Journal(home / "journal.jsonl")
        self.codec = Codec(Registry(stack.registry), prefix, "chaos")
        wait_until(self._registered, "the schema registry takes schemas")
        self.sender = Sender(stack.kafka, prefix, self.codec, self.journal)
        shared = environment_of(stack, prefix, partitions=PARTITIONS) | {"WHIMBREL_REHEARSAL_ROOT": str(home.resolve())}
        self.services = Services(shared | dict(environment or {}), home / "logs")
        self.watcher = Watcher(stack.kafka, events_of(prefix, "migration"), PARTITIONS)
        self.requested = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.services.__exit__(kind, error, trace)
        self.watcher.stop()

    def _registered(self) -> bool:
        """A registry that lost its database a moment ago refuses for a while."""
        with suppress(RegistryUnavailable):
            return self.codec.register(self.prefix) > 0
        return False

    def request(self, count: int, tenant: str = "acme", **options: Any) -> None:
        """Ask for rehearsals that record their effects."""
        encoded = self._options(options)
        for _ in range(count):
            body = Request(provider="rehearsal", application=f"canary:{tenant}:", source="{}", target="{}", options=encoded)
            self.sender.send(tenant, f"m{self.requested}", RequestMigration(request=body))
            self.requested += 1

    def _options(self, options: Mapping[str, Any]) -> str:
        return json.dumps({"steps": 3, "effects": str(self.effects)} | dict(options))

    def tend(self) -> None:
        """What a supervisor does all the time: start again what has ended."""
        self.stack.tend()
        for service in self.services.restart_ended():
            self.say(f"{service.name} restarted")

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Return once the condition holds, tending meanwhile; fail, naming `what`, after `seconds`."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"not in {seconds:.0f} s: {what}"
            self.tend()
            time.sleep(0.02)

    def settle(self, seconds: float, random: Random, requested: int) -> float:
        """Help what waits for a person until all has ended and nothing is left to consume, or no event came for `seconds`.

        Returns how long that took, ten times `seconds` at most.
        """
        began = helped = moved = time.monotonic()
        events = 0
        while time.monotonic() < min(moved + seconds, began + 10 * seconds):
            self.tend()
            unfinished = self.watcher.unfinished()
            if self.watcher.events > events:
                events, moved = self.watcher.events, time.monotonic()
            if not unfinished and self.watcher.known >= requested and not self.sender.flush(0.1) and self.lag() == 0:
                break
            if time.monotonic() - helped > HELP_EVERY_S:
                helped = time.monotonic()
                self._help(unfinished, random)
            time.sleep(0.1)
        return time.monotonic() - began

    def _help(self, unfinished: Mapping[bytes, tuple[str, str]], random: Random) -> None:
        self.say(f"{len(unfinished)} migrations left")
        for key, (mode, awaiting) in unfinished.items():
            command = helping(mode, awaiting, random)
            if command is not None:
                tenant, _, aggregate = key.decode().partition("/")
                self.sender.send(tenant, aggregate, command)

    def lag(self) -> int:
        """Commands that the validator has not consumed."""
        topic = commands_of(self.prefix, "migration")
        done = committed(self.stack.kafka, f"{self.prefix}.validator", topic, PARTITIONS)
        return sum(end - max(0, done.get(partition, 0)) for partition, end in ends(self.stack.kafka, topic, PARTITIONS).items())

    def dead_letters(self) -> int:
        """Offsets taken on the topic of dead letters, markers of transactions included."""
        return sum(ends(self.stack.kafka, f"{self.prefix}.dead-letters", PARTITIONS).values())

    def judge(self, differences: Iterable[str] = ()) -> Evidence:
        """The checker's word on what is on the log and in the world now."""
        self.journal.close()
        recording = record(self.stack.kafka, self.prefix, "migration", PARTITIONS)
        journal, effects = read_journal(self.journal.path), read_effects(self.effects)
        return Evidence(recording, journal, effects, check(recording, journal, effects, differences))
