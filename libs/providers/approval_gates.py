"""Go/no-go gates put into a provider's plan: waits for approval where the request wants them."""

from collections.abc import Sequence
from itertools import chain, count

from msgspec.structs import replace

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT, Plan, Step
from libs.contracts.values import Problem

CUTOVER = Step(name="approve_cutover", phase="cutting_over", kind=WAIT, wait_for="approval", title="A person approves the cutover")
"""The gate of the short form: one yes before the first step of the phase cutting_over."""


def with_gates(plan: Plan, approval: bool, gates: Sequence[ApprovalTerms] = ()) -> tuple[Plan, tuple[Problem, ...]]:
    """The plan with a wait for approval at each gate, and what is wrong with gates that stand nowhere in it.

    `approval` is the short form of one gate before the first step of the phase cutting_over. Several before the same step
    stand in the order in which they were asked for, those whose approvals may lapse last.
    """
    if not approval and not gates:
        return plan, ()
    asked = [("/approval", CUTOVER.phase)] if approval else []
    asked += [(f"/approvals/{index}/before", terms.before) for index, terms in enumerate(gates)]
    problems = tuple(_nowhere(plan, field, before) for field, before in asked if _place(plan, before) < 0)
    if problems:
        return plan, problems
    wanted = [(_place(plan, CUTOVER.phase), CUTOVER)] if approval else []
    wanted += [(_place(plan, terms.before), _gate(plan, terms)) for terms in gates]
    steps: list[Step] = []
    names = {step.name for step in plan.steps}
    for index, step in enumerate(plan.steps):
        here = sorted((gate for place, gate in wanted if place == index), key=_lapses)
        steps += [_named_apart(gate, names) for gate in here]
        steps.append(step)
    return replace(plan, steps=tuple(steps)), problems


def _lapses(gate: Step) -> int:
    """How much of what lets it pass may lapse: what was approved at one gate no longer does while the next is waited for."""
    terms = gate.approval or ApprovalTerms()
    return 2 if terms.way_back_max_age_s else 1 if terms.expires_s else 0


def _named_apart(gate: Step, names: set[str]) -> Step:
    """The gate under a name that no other step has; the name is added to `names`."""
    others = (f"{gate.name[:60]}_{number}" for number in count(2))
    name = next(name for name in chain([gate.name], others) if name not in names)
    names.add(name)
    return replace(gate, name=name)


def _place(plan: Plan, before: str) -> int:
    """Index of the step of that name, else of the first of that phase; -1 when there is none."""
    names = [step.name for step in plan.steps]
    phases = [step.phase for step in plan.steps]
    return names.index(before) if before in names else phases.index(before) if before in phases else -1


def _gate(plan: Plan, terms: ApprovalTerms) -> Step:
    return Step(
        name=f"approve_{terms.before}",
        phase=plan.steps[_place(plan, terms.before)].phase,
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


def _nowhere(plan: Plan, field: str, before: str) -> Problem:
    places = list(dict.fromkeys([*(step.phase for step in plan.steps), *(step.name for step in plan.steps)]))
    return Problem(
        code="approval_nowhere",
        category="validation",
        message=f"a gate shall stand before {before}, but the plan has no such phase or step",
        remedy=f"ask in approvals for a gate before one of {', '.join(places[:40])}",
        field=field,
    )
