"""One chaos run: servers, services, load, faults, settling, and the checker's word on what is left."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from deploy.embedded.stack import Stack
from libs.contracts.topics import commands_of, events_of
from libs.runtime.codec import Codec
from libs.runtime.kafka import create_topics
from libs.runtime.registry import Registry
from libs.testing.chaos.checker import Findings, check
from libs.testing.chaos.effects import Effect, read_effects
from libs.testing.chaos.generator import Generator, Sender
from libs.testing.chaos.journal import Entry, Journal, read_journal
from libs.testing.chaos.load import helping
from libs.testing.chaos.nemesis import Nemesis, Struck, schedule
from libs.testing.chaos.recording import Recording, committed, ends, record
from libs.testing.chaos.report import report
from libs.testing.chaos.watching import Watcher
from libs.testing.services import Services, environment_of

PARTITIONS = 4
SLOTS = {"validator": 1, "migrator": 2, "verifier": 1}
HELP_EVERY_S = 2.0


class Plan(NamedTuple):
    """What a run shall be. `broken` replaces the validator by another module, to see it caught."""

    kills: int
    seed: int
    rate: float = 40.0
    migrations: int = 0
    settle_s: float = 180.0
    validator: str = "services.validator"
    say: Callable[[str], object] = lambda _: None


class Result(NamedTuple):
    """What became of it: the last line of the report, the findings, and everything they rest on."""

    line: dict[str, Any]
    findings: Findings
    recording: Recording
    journal: list[Entry]
    effects: list[Effect]


class Run:
    """A run against a stack that is already up. Use from the thread that started the stack."""

    def __init__(self, stack: Stack, prefix: str, plan: Plan, home: Path) -> None:
        self._stack, self._prefix, self._plan, self._home = stack, prefix, plan, home
        self._effects = home / "effects"
        self._effects.mkdir()
        self._journal = Journal(home / "journal.jsonl")
        codec = Codec(Registry(stack.registry), prefix, "chaos")
        codec.register(prefix)
        self._sender = Sender(stack.kafka, prefix, codec, self._journal)
        self._random = Random(plan.seed)

    def carry_out(self) -> Result:
        """Load and faults together, then no faults until everything has ended, then the checker."""
        plan = self._plan
        with ExitStack() as held:
            watcher = Watcher(self._stack.kafka, events_of(self._prefix, "migration"), PARTITIONS)
            held.callback(watcher.stop)
            environment = environment_of(self._stack, self._prefix, partitions=PARTITIONS)
            services = held.enter_context(Services(environment | {"WHIMBREL_REHEARSAL_ROOT": str(self._home)}, self._home / "logs"))
            for name, slots in SLOTS.items():
                for slot in range(slots):
                    services.start(plan.validator if name == "validator" else f"services.{name}", slot)
            for service in services.running:
                service.wait_ready()
            began = time.monotonic()
            nemesis, requested = self._strike(services, watcher)
            faulty_s = time.monotonic() - began
            settled_s = self._settle(services, watcher, requested)
            restarts = sum(service.starts - 1 for service in services.running)
        return self._judge(watcher, nemesis.struck, faulty_s, settled_s, restarts)

    def _strike(self, services: Services, watcher: Watcher) -> tuple[Nemesis, int]:
        plan = self._plan
        generator = Generator(self._sender, str(self._effects), seed=plan.seed, rate=plan.rate, limit=plan.migrations)

        def tend() -> None:
            self._stack.tend()
            for service in services.restart_ended():
                plan.say(f"{service.name} restarted")

        nemesis = Nemesis(self._stack, services.running, tend, lambda struck: watcher.recovery_s(struck) is not None)
        generator.start()
        nemesis.run(schedule(plan.seed, plan.kills, [service.name for service in services.running]))
        while plan.migrations and generator.requested < plan.migrations:
            tend()
            time.sleep(0.05)
        generator.stop()
        plan.say(f"{len(nemesis.struck)} faults, {generator.requested} migrations requested, {watcher.events} events so far")
        return nemesis, generator.requested

    def _settle(self, services: Services, watcher: Watcher, requested: int) -> float:
        """No further faults: help what waits for a person until all has ended and nothing is left to consume."""
        began = helped = time.monotonic()
        while time.monotonic() - began < self._plan.settle_s:
            self._stack.tend()
            services.restart_ended()
            unfinished = watcher.unfinished()
            if not unfinished and watcher.known >= requested and not self._sender.flush(0.1) and self._lag() == 0:
                break
            if time.monotonic() - helped > HELP_EVERY_S:
                helped = time.monotonic()
                self._help(unfinished)
            time.sleep(0.1)
        return time.monotonic() - began

    def _help(self, unfinished: dict[bytes, tuple[str, str]]) -> None:
        self._plan.say(f"{len(unfinished)} migrations left")
        for key, (mode, awaiting) in unfinished.items():
            command = helping(mode, awaiting, self._random)
            if command is not None:
                tenant, _, aggregate = key.decode().partition("/")
                self._sender.send(tenant, aggregate, command)

    def _lag(self) -> int:
        topic = commands_of(self._prefix, "migration")
        done = committed(self._stack.kafka, f"{self._prefix}.validator", topic, PARTITIONS)
        return sum(end - max(0, done.get(partition, 0)) for partition, end in ends(self._stack.kafka, topic, PARTITIONS).items())

    def _judge(self, watcher: Watcher, struck: Sequence[Struck], faulty_s: float, settled_s: float, restarts: int) -> Result:
        self._journal.close()
        recording = record(self._stack.kafka, self._prefix, "migration", PARTITIONS)
        journal, effects = read_journal(self._journal.path), read_effects(self._effects)
        findings = check(recording, journal, effects)
        line = report(recording, journal, effects, findings, watcher, struck)
        seconds = {"faulty_s": round(faulty_s, 1), "settled_s": round(settled_s, 1), "restarts": restarts, "seed": self._plan.seed}
        return Result(line | seconds, findings, recording, journal, effects)


def run(plan: Plan, home: Path) -> Result:
    """A whole run, with servers of its own that are gone afterwards; logs, journal and effects stay in `home`."""
    with Stack.ephemeral() as stack:
        create_topics(stack.kafka, "chaos", PARTITIONS)
        return Run(stack, "chaos", plan, home).carry_out()
