"""One drill: set the stage, plan through the API, start, interrupt, wait for the end, judge."""

from pathlib import Path
from typing import NamedTuple

from deploy.embedded.stack import Stack
from libs.rehearse.log import Source
from libs.runtime.clock import now_us
from libs.testing.drill.checker.checking import check
from libs.testing.drill.checker.findings import Findings
from libs.testing.drill.checker.story import Story, read
from libs.testing.drill.checker.world import World
from libs.testing.drill.interrupts import Interrupter, schedule
from libs.testing.drill.people import People
from libs.testing.drill.plan import Plan
from libs.testing.drill.planning import TENANT, set_out, start
from libs.testing.drill.rehearsing import Marker, rehearsed
from libs.testing.drill.report import Rehearsed
from libs.testing.drill.scenario import scenario
from libs.testing.drill.stage import PARTITIONS, SERVICES, Stage, staged

PLANNED_S, TOLD_S = 600.0, 60.0


class Ran(NamedTuple):
    """How a drill went: `actual_s` from the start of the waves to the last end, by the log."""

    actual_s: float
    story: Story
    findings: Findings
    counted: dict[str, dict[str, int]]
    rehearsed: Rehearsed | None


def run_on(stage: Stage, plan: Plan) -> Ran:
    """Move everything, then judge it, then rehearse it."""
    counted, position = _moved(stage, plan)
    story, callbacks = read(stage.stack.kafka, stage.prefix, PARTITIONS), stage.receiver.callbacks()
    said = stage.cloud.books()
    world = World(said["books"], stage.cloud.leaks({f"{TENANT}/{name}" for name in story.completed}), said["defects"])
    counted["the cloud"] = {"calls": sum(said["calls"].values())}
    begun = min(event.at for events in story.waves.values() for event in events if event.kind == "WaveStarted")
    actual_s = (max(end.at for end in story.ends.values()) - begun) / 1_000_000 if story.ends else 0.0
    stage.services.stop()
    predicted = None
    if position:
        plan.say(f"rehearsing from {position}")
        source = Source(stage.stack.kafka, stage.stack.registry, stage.prefix, TENANT)
        predicted, answer = rehearsed(source, tuple(sorted(story.waves)), position, begun, plan.seed)
        plan.say(
            f"rehearsed: {answer['unfinished_runs']} of {answer['runs']} runs did not end, {answer['not_ended'][:3]}; {answer['finish_s']}"
        )
    return Ran(actual_s, story, check(story, world, callbacks), counted, predicted)


def _moved(stage: Stage, plan: Plan) -> tuple[dict[str, dict[str, int]], str]:
    """Counts of what was done, and the position to rehearse from; empty when people saw none."""
    made, marker = scenario(plan), Marker()
    set_out(stage.api, stage.token, stage.cloud, made, stage.receiver.url, now_us())
    stage.wait(lambda: stage.planned() >= plan.servers, PLANNED_S, plan.say)
    plan.say(f"{stage.planned()} servers are planned")
    names = [wave.name for wave in made.waves]
    people = People(stage.api, names, plan.seed, lambda position: marker.mark(position, stage.ended(), plan.servers))
    interrupter = Interrupter(stage.services.running, stage.cloud, stage.tend, stage.ended, plan.say)
    try:
        start(stage.api, made)
        interrupter.run(schedule(plan.seed, plan.interrupts, plan.servers, SERVICES), plan.patience_s)
        stage.wait(lambda: stage.ended() >= plan.servers, plan.most_s, plan.say)
        stage.wait(lambda: len(stage.receiver.ends()) >= plan.servers, TOLD_S, lambda _: None)
    finally:
        people.stop()
    for error in people.errors[-5:]:
        plan.say(f"people met: {error}")
    restarts = {service.name: service.starts - 1 for service in stage.services.running if service.starts > 1}
    return {"interrupts": dict(interrupter.struck), "people": dict(people.did), "restarts": restarts}, marker.position


def run(plan: Plan, home: Path) -> Ran:
    """A whole drill, with servers of its own that are gone afterwards; logs and books stay in `home`."""
    with Stack.ephemeral() as stack, staged(stack, "drill", home, plan.seed) as stage:
        return run_on(stage, plan)
