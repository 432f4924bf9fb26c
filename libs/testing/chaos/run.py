"""One chaos run: servers, services, load, faults, settling, and the checker's word on what is left."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics
from libs.testing.chaos.chance import Random
from libs.testing.chaos.comparing import differences
from libs.testing.chaos.generator import Generator
from libs.testing.chaos.nemesis import Nemesis, schedule
from libs.testing.chaos.report import report
from libs.testing.chaos.scene import PARTITIONS, Evidence, Scene

SLOTS = {"validator": 1, "migrator": 2, "verifier": 1, "projector": 1, "notifier": 1}
"""Processes of each service. Ingress writes through the same producer as the load and decides nothing."""


class Plan(NamedTuple):
    """What a run shall be. `validator` can be another module than the real one, to see it caught; `targets` limits the faults."""

    kills: int
    seed: int
    rate: float = 40.0
    migrations: int = 0
    settle_s: float = 180.0
    validator: str = "services.validator"
    targets: tuple[str, ...] = ()
    say: Callable[[str], object] = lambda _: None


class Result(NamedTuple):
    """What became of it: the last line of the report, and what it rests on."""

    line: dict[str, Any]
    evidence: Evidence


def run_on(stack: Stack, prefix: str, plan: Plan, home: Path) -> Result:
    """A run on servers that are up, and may be killed. Use from the thread that started the stack."""
    with Scene(stack, prefix, home, say=plan.say) as scene:
        for name, slots in SLOTS.items():
            for slot in range(slots):
                scene.services.start(plan.validator if name == "validator" else f"services.{name}", slot)
        for service in scene.services.running:
            service.wait_ready()
        began = time.monotonic()
        nemesis, requested = _strike(stack, scene, plan)
        faulty_s = time.monotonic() - began
        settled_s = scene.settle(plan.settle_s, Random(plan.seed), requested)
        restarts = sum(service.starts - 1 for service in scene.services.running)
        evidence = scene.judge(differences(stack.postgres, stack.kafka, prefix, scene.codec, PARTITIONS))
        line = report(evidence, scene.watcher, nemesis.struck)
    seconds = {"faulty_s": round(faulty_s, 1), "settled_s": round(settled_s, 1), "restarts": restarts, "seed": plan.seed}
    return Result(line | {"commands_per_s": round(line["commands"] / (faulty_s + settled_s))} | seconds, evidence)


def _strike(stack: Stack, scene: Scene, plan: Plan) -> tuple[Nemesis, int]:
    """Load and faults together."""
    generator = Generator(scene.sender, str(scene.effects), seed=plan.seed, rate=plan.rate, limit=plan.migrations)
    nemesis = Nemesis(stack, scene.services.running, scene.tend, lambda struck: scene.watcher.recovery_s(struck) is not None)
    generator.start()
    nemesis.run(schedule(plan.seed, plan.kills, plan.targets or [service.name for service in scene.services.running]))
    while plan.migrations and generator.requested < plan.migrations:
        scene.tend()
        time.sleep(0.05)
    generator.stop()
    plan.say(f"{len(nemesis.struck)} faults, {generator.requested} migrations requested, {scene.watcher.events} events so far")
    return nemesis, generator.requested


def run(plan: Plan, home: Path) -> Result:
    """A whole run, with servers of its own that are gone afterwards; logs, journal and effects stay in `home`."""
    with Stack.ephemeral() as stack:
        create_topics(stack.kafka, "chaos", PARTITIONS)
        return run_on(stack, "chaos", plan, home)
