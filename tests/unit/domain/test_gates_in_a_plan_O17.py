"""Where a request's gates stand in the plan that a provider makes (O17)."""

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT
from libs.domain.migration.going_forward import flaw_of
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


def test_an_approval_before_a_cutover_that_the_plan_has_not_is_never_left_out_silently_O17() -> None:
    _, problems = with_gates(plan_of(act("copy")), True)

    assert [(one.code, one.field) for one in problems] == [("approval_nowhere", "/approval")]
    assert "replicating, copy" in problems[0].remedy


def test_of_gates_before_the_same_step_those_that_may_lapse_stand_last_X6() -> None:
    rehearsed, soon, ever = ApprovalTerms(before="cutting_over", way_back_max_age_s=60), ApprovalTerms(before="switch", expires_s=60), True

    assert names(ever, rehearsed, soon)[2:6] == ["approve_cutover", "approve_switch", "approve_cutting_over", "switch"]


def test_gates_have_names_that_nothing_else_in_the_plan_has_O17() -> None:
    plan, problems = with_gates(
        plan_of(act("approve_cutover"), act("cutover", phase="cutting_over")), True, [ApprovalTerms(before="cutover")]
    )

    assert [step.name for step in plan.steps] == ["approve_cutover", "approve_cutover_2", "approve_cutover_3", "cutover"]
    assert (problems, flaw_of(plan)) == ((), "")
