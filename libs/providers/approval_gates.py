"""Go/no-go gates put into a provider's plan: waits for approval where the request wants them."""

from collections.abc import Sequence

from msgspec.structs import replace

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT, Plan, Step
from libs.contracts.values import Problem

CUTOVER = Step(name="approve_cutover", phase="cutting_over", kind=WAIT, wait_for="approval", title="A person approves the cutover")
"""The gate of the short form: one yes before the first step of the phase cutting_over."""


def with_gates(plan: Plan, approval: bool, gates: Sequence[ApprovalTerms] = ()) -> tuple[Plan, tuple[Problem, ...]]:
    """The plan with a wait for approval at each gate, and what is wrong with gates that stand nowhere in it.

    `approval` is the short form of one gate before the first step of the phase cutting_over. Several before the same step
    stand in the order in which they were asked for.
    """
    wanted = [(_place(plan, CUTOVER.phase), CUTOVER)] if approval and _place(plan, CUTOVER.phase) >= 0 else []
    wanted += [(_place(plan, terms.before), _gate(plan, terms)) for terms in gates]
    problems = tuple(_nowhere(plan, gates[i], i) for i in range(len(gates)) if _place(plan, gates[i].before) < 0)
    steps: list[Step] = []
    for index, step in enumerate(plan.steps):
        steps += [gate for place, gate in wanted if place == index]
        steps.append(step)
    return replace(plan, steps=tuple(steps)), problems


def _place(plan: Plan, before: str) -> int:
    """Index of the step of that name, else of the first of that phase; -1 when there is none."""
    names = [step.name for step in plan.steps]
    phases = [step.phase for step in plan.steps]
    return names.index(before) if before in names else phases.index(before) if before in phases else -1


def _gate(plan: Plan, terms: ApprovalTerms) -> Step:
    place = max(0, _place(plan, terms.before))
    return Step(
        name=f"approve_{terms.before}",
        phase=plan.steps[place].phase,
        kind=WAIT,
        wait_for="approval",
        title=f"{said(terms)} before {terms.before}",
        wait_ms=terms.answer_within_s * 1_000,
        approval=terms,
    )


def said(terms: ApprovalTerms) -> str:
    """Who must approve, for people."""
    who = "A person" if terms.quorum == 1 else f"{terms.quorum} different people"
    role = f" with the role {' or '.join(terms.roles)}" if terms.roles else ""
    return f"{who}{role} approve{'s' if terms.quorum == 1 else ''}{', with a second factor' if terms.mfa else ''}"


def _nowhere(plan: Plan, terms: ApprovalTerms, index: int) -> Problem:
    places = list(dict.fromkeys([*(step.phase for step in plan.steps), *(step.name for step in plan.steps)]))
    return Problem(
        code="approval_nowhere",
        category="validation",
        message=f"a gate shall stand before {terms.before}, but the plan has no such phase or step",
        remedy=f"name one of {', '.join(places[:40])}",
        field=f"/approvals/{index}/before",
    )
