"""A plan shows every step, what undoes it, the point of no return and an estimate (D5, X6)."""

import io
from collections.abc import Sequence

from rich.console import Console

from libs.cli.plan_table import estimate_of, plan_view
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step

PLAN = Plan(
    provider="postgres",
    summary="Move 3 tables.",
    notes=("Roles are [not] moved.",),
    steps=(
        Step(name="copy_schema", phase="preparing", kind=ACT, title="Copy definitions.", compensation="Drop them."),
        Step(name="initial_copy", phase="replicating", kind=CHECK, title="Every row is there.", estimate_ms=61_000),
        Step(name="approve_cutover", phase="cutting_over", kind=WAIT, wait_for="approval", title="Somebody approves."),
        Step(name="finalise", phase="finalising", kind=ACT, title="End replication.", point_of_no_return=True),
    ),
)


def shown(plan: Plan, limits: Sequence[str] = ()) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(plan_view(plan, limits))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_every_step_has_a_line_with_what_undoes_it() -> None:
    text = "\n".join(shown(PLAN))

    assert all(step.name in text and step.title in text for step in PLAN.steps)
    assert "Drop them." in text
    assert "cannot be undone" in text
    assert "a person" in text
    assert "Roles are [not] moved." in text


def test_the_point_of_no_return_stands_between_the_steps_that_it_parts() -> None:
    lines = shown(PLAN)
    (line,) = [number for number, text in enumerate(lines) if "point of no return" in text]

    assert "approve_cutover" in lines[line - 1]
    assert "finalise" in lines[line + 1]


def test_the_estimate_is_the_sum_of_what_is_known() -> None:
    assert estimate_of(PLAN) == 61_000
    assert any("1 min 01 s" in line and "1 of 4 steps have something to undo" in line for line in shown(PLAN))


def test_the_capacities_that_it_waits_for_are_named_O22() -> None:
    lines = shown(PLAN, ["rate/starts", "calendar/prod"])

    assert any("a slot of each: calendar/prod, rate/starts." in line for line in lines)
    assert not any("slot" in line for line in shown(PLAN))
