"""One drill: set the stage, plan through the API, start, interrupt, wait for the end, judge."""

import time
from pathlib import Path
from typing import NamedTuple

from deploy.embedded.stack import Stack
from libs.runtime.clock import now_us
from libs.testing.drill.checker.checking import check
from libs.testing.drill.checker.findings import Findings
from libs.testing.drill.checker.story import Story, read
from libs.testing.drill.checker.world import World
from libs.testing.drill.interrupts import Interrupter, schedule
from libs.testing.drill.people import People
from libs.testing.drill.plan import Plan
from libs.testing.drill.planning import TENANT, set_out, start
from libs.testing.drill.report import Rehearsed
from libs.testing.drill.scenario import scenario
from libs.testing.drill.stage import SERVICES, Stage, staged
from libs.testing.waiting import PARTITIONS

TOLD_S = 60.0


class Ran(NamedTuple):
    """How a drill went: `actual_s` from the start of the waves to the last end."""

    actual_s: float
    story: Story
    findings: Findings
    counted: dict[str, dict[str, int]]
    rehearsed: Rehearsed | None


def run_on(stage: Stage, plan: Plan) -> Ran:
    """Move everything, then judge it."""
    made = scenario(plan)
    set_out(stage.api, stage.token, stage.cloud, made, stage.receiver.url, now_us())
    stage.wait(lambda: stage.watcher.known >= plan.servers, 120, plan.say)
    people = People(stage.api, [wave.name for wave in made.waves], plan.seed)
    interrupter = Interrupter(stage.services.running, stage.cloud, stage.tend, stage.ended, plan.say)
    began = time.monotonic()
    try:
        start(stage.api, made)
        interrupter.run(schedule(plan.seed, plan.interrupts, plan.servers, SERVICES))
        stage.wait(lambda: stage.ended() >= plan.servers, plan.most_s, plan.say)
        actual_s = time.monotonic() - began
        stage.wait(lambda: len(stage.receiver.ends()) >= plan.servers, TOLD_S, lambda _: None)
    finally:
        people.stop()
    for error in people.errors[-5:]:
        plan.say(f"people met: {error}")
    story, calls, found = _judged(stage)
    counted = {
        "interrupts": dict(interrupter.struck),
        "people": dict(people.did),
        "restarts": {service.name: service.starts - 1 for service in stage.services.running},
        "the cloud": {"calls": calls},
    }
    return Ran(actual_s, story, found, counted, None)


def _judged(stage: Stage) -> tuple[Story, int, Findings]:
    story = read(stage.stack.kafka, stage.prefix, PARTITIONS)
    said = stage.cloud.books()
    world = World(said["books"], stage.cloud.leaks({f"{TENANT}/{name}" for name in story.completed}), said["defects"])
    return story, sum(said["calls"].values()), check(story, world, stage.receiver.callbacks())


def run(plan: Plan, home: Path) -> Ran:
    """A whole drill, with servers of its own that are gone afterwards; logs and books stay in `home`."""
    with Stack.ephemeral() as stack, staged(stack, "drill", home, plan.seed) as stage:
        return run_on(stage, plan)
