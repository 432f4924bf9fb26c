"""A plan as people read it: every step, its compensation, the point of no return, an estimate."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape

from libs.cli.text import duration, table
from libs.contracts.migration.plan import ACT, WAIT, Plan, Step


def estimate_of(plan: Plan) -> int:
    """How long the plan is expected to take, in milliseconds; steps without an estimate count as nothing."""
    return sum(step.estimate_ms for step in plan.steps)


def plan_view(plan: Plan, limits: Sequence[str] = ()) -> RenderableType:
    """The plan; `limits` are the capacities that a slot is needed of before its first step."""
    made = table("", "step", "phase", "what it does", "what undoes it", "about")
    crossed = False
    for number, step in enumerate(plan.steps, 1):
        if step.point_of_no_return and not crossed:
            crossed = True
            made.add_row("", "[bold red]point of no return[/]", "", "[red]from the next step on there is no way back[/]", "", "")
        made.add_row(str(number), f"[bold]{escape(step.name)}[/]", step.phase, escape(step.title), _undo(step), _about(step))
    total = estimate_of(plan)
    lines: list[RenderableType] = [f"[bold]{escape(plan.summary)}[/]", "", made, ""]
    known = f"{duration(total)} and what cannot be estimated" if total else "not known"
    lines.append(
        f"Estimate: {known}; {sum(1 for step in plan.steps if step.compensation)} of {len(plan.steps)} steps have something to undo."
    )
    if limits:
        lines.append(f"It begins once it holds a slot of each: {escape(', '.join(sorted(limits)))}.")
    lines += [f"[dim]- {escape(note)}[/]" for note in plan.notes]
    return Group(*lines)


def _undo(step: Step) -> str:
    if step.compensation:
        return escape(step.compensation)
    return (
        "[dim]nothing to undo[/]"
        if step.kind != ACT
        else "[red]cannot be undone[/]"
        if step.point_of_no_return
        else "[dim]nothing to undo[/]"
    )


def _about(step: Step) -> str:
    if step.kind == WAIT and step.wait_for == "approval":
        people = step.approval.quorum if step.approval else 1
        return "a person" if people == 1 else f"{people} people"
    ms = step.wait_ms if step.kind == WAIT else step.estimate_ms
    return duration(ms) if ms else "[dim]-[/]"
