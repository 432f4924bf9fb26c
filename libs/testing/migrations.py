"""Words for telling the history of a migration in a test: steps, reports, and the events they are expected to lead to."""

from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.values import Problem
from libs.contracts.work import APPLY, FAILED, MIGRATOR, PLAN, STOPPED, SUCCEEDED, UNDO, VERIFIER, ReportWork, Work
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import AGGREGATE, NOW, SECOND, TENANT, History, given

BROKEN = Problem(code="disk_full", category="migration_execution", message="the target's disk is full", remedy="make room")
REQUEST = Request(provider="rehearsal", application="billing", source="{}", target="{}")
GRACE = 5 * SECOND


def act(name: str, **settings: Any) -> Step:
    """A step that changes the world and can be undone."""
    return Step(**{"name": name, "phase": "replicating", "kind": ACT, "compensation": f"undo {name}", **settings})


def check(name: str, **settings: Any) -> Step:
    """A step that looks at the world."""
    return Step(**{"name": name, "phase": "testing", "kind": CHECK, **settings})


def pause_of(name: str, ms: int) -> Step:
    """A wait for time."""
    return Step(name=name, phase="testing", kind=WAIT, wait_for="time", wait_ms=ms)


def approval(name: str, ms: int = 0) -> Step:
    """A wait for a person."""
    return Step(name=name, phase="cutting_over", kind=WAIT, wait_for="approval", wait_ms=ms)


def final(name: str, **settings: Any) -> Step:
    """An act that is the point of no return."""
    return act(name, phase="finalising", compensation="", point_of_no_return=True, **settings)


def plan_of(*steps: Step) -> Plan:
    """A plan of these steps."""
    return Plan(provider="rehearsal", steps=steps)


def work_id(step: int | str, direction: str = APPLY, *, chunk: int | str = "-", round_: int = 1) -> str:
    """Id of a work item of the migration under test, spelled out by hand: the format must never change."""
    return f"{TENANT}/{AGGREGATE}/{step}/{chunk}/{direction}/{round_}"


PLANNING = work_id(PLAN, PLAN)


def planned(*steps: Step, attempt: int = 1, problems: tuple[Problem, ...] = ()) -> c.ReportPlan:
    """The verifier's report of a plan."""
    return c.ReportPlan(work_id=PLANNING, attempt=attempt, plan=plan_of(*steps), problems=problems)


def succeeded(step: int, direction: str = APPLY, *, attempt: int = 1, chunk: int | str = "-", round_: int = 1) -> ReportWork:
    """A worker's report of success."""
    return ReportWork(
        work_id=work_id(step, direction, chunk=chunk, round_=round_), attempt=attempt, outcome=SUCCEEDED, evidence={"rows": 41}
    )


def failed(step: int, direction: str = APPLY, *, retryable: bool = False, **place: Any) -> ReportWork:
    """A worker's report of failure, for good unless told otherwise."""
    return replace(succeeded(step, direction, **place), outcome=FAILED, evidence={}, problem=BROKEN, retryable=retryable)


def stopped(step: int, direction: str = APPLY, **place: Any) -> ReportWork:
    """A worker's report that it stopped before the end because it was told to."""
    return replace(succeeded(step, direction, **place), outcome=STOPPED, evidence={})


def work(
    step: int, direction: str, *, now: int, fence: int, chunk: int | str = "-", round_: int = 1, attempt: int = 1, timeout_ms: int = 300_000
) -> Work:
    """The work item expected from a dispatch at `now`."""
    return Work(
        work_id=work_id(step, direction, chunk=chunk, round_=round_),
        worker=MIGRATOR if direction in (APPLY, UNDO) else VERIFIER,
        step=step,
        chunk=str(chunk),
        direction=direction,
        round=round_,
        fence=fence,
        attempt=attempt,
        not_before=now,
        deadline=now + timeout_ms * 1_000,
    )


def dispatched(item: Work, name: str, phase: str = "replicating", *, final: bool = False) -> e.WorkDispatched:
    """The event that hands out a work item."""
    return e.WorkDispatched(work=item, name=name, phase=phase, point_of_no_return=final)


def step_done(step: int, name: str, direction: str = APPLY, *, round_: int = 1) -> e.StepSucceeded:
    """The event that follows the report `succeeded(step)`."""
    return e.StepSucceeded(work_id=work_id(step, direction, round_=round_), step=step, name=name, evidence={"rows": 41})


def undone(step: int, name: str, *, round_: int = 1) -> e.StepCompensated:
    """The event that follows the report `succeeded(step, UNDO)`."""
    return e.StepCompensated(work_id=work_id(step, UNDO, round_=round_), step=step, name=name, evidence={"rows": 41})


def requested(**settings: Any) -> History:
    """A migration that was asked for and is being planned."""
    return (
        given(DECIDER)
        .when(c.RequestMigration(request=replace(REQUEST, **settings)), now=NOW)
        .then_types(e.MigrationRequested, e.WorkDispatched)
    )


def started(*steps: Step, **settings: Any) -> History:
    """A migration that runs the first of these steps."""
    return requested(**settings).when(planned(*steps)).then_something()


def after_steps(history: History, count: int) -> History:
    """The same migration after its next `count` acts or checks have succeeded."""
    for _ in range(count):
        item = history.state.pending[0]
        history = history.when(ReportWork(work_id=item.work_id, attempt=item.attempt, outcome=SUCCEEDED)).then_something()
    return history
