"""Where a request's gates stand in the plan that a provider makes (O17)."""

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT
from libs.providers.approval_gates import with_gates
from libs.testing.migrations import act, check, final, plan_of

PLAN = plan_of(act("copy"), check("compare"), act("switch", phase="cutting_over"), act("tidy", phase="cutting_over"), final("drop"))


def names(approval: bool = False, *gates: ApprovalTerms) -> list[str]:
    plan, problems = with_gates(PLAN, approval, gates)
    assert problems == ()
    return [step.name for step in plan.steps]


def test_the_short_form_stands_before_the_cutover_O17() -> None:
    assert names(True) == ["copy", "compare", "approve_cutover", "switch", "tidy", "drop"]
    assert names() == [step.name for step in PLAN.steps]


def test_a_gate_stands_before_its_phase_or_its_step_O17() -> None:
    found = names(True, ApprovalTerms(before="drop"), ApprovalTerms(before="cutting_over"), ApprovalTerms(before="tidy"))

    assert found == ["copy", "compare", "approve_cutover", "approve_cutting_over", "switch", "approve_tidy", "tidy", "approve_drop", "drop"]


def test_a_gate_carries_its_terms_and_its_deadline_and_says_them_O17() -> None:
    terms = ApprovalTerms(before="drop", roles=("dba", "board"), quorum=2, mfa=True, answer_within_s=60)

    gate = with_gates(PLAN, False, [terms])[0].steps[4]

    assert (gate.kind, gate.wait_for, gate.wait_ms, gate.approval, gate.phase) == (WAIT, "approval", 60_000, terms, "finalising")
    assert gate.title == "2 different people with the role dba or board approve, with a second factor before drop"


def test_every_gate_that_stands_nowhere_is_a_problem_of_the_request_O3() -> None:
    _, problems = with_gates(PLAN, False, [ApprovalTerms(before="drop"), ApprovalTerms(before="dorp"), ApprovalTerms(before="launch")])

    assert [(one.code, one.field) for one in problems] == [
        ("approval_nowhere", "/approvals/1/before"),
        ("approval_nowhere", "/approvals/2/before"),
    ]
    assert "dorp" in problems[0].message
    assert "cutting_over" in problems[0].remedy


def test_a_plan_without_a_cutover_has_no_short_form_O17() -> None:
    plan, problems = with_gates(plan_of(act("copy")), True)

    assert ([step.name for step in plan.steps], problems) == (["copy"], ())
