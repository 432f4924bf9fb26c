"""Go/no-go gates: roles, several people, a second factor, rights handed on, waivers, and approvals that lapse (O17, SEC11)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT, Plan, Step
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import ACTOR, NOW, SECOND, History, given
from libs.testing.migrations import REQUEST, act, check, planned, succeeded

YES = c.ApproveMigration(reason="looked at it", roles=("dba",), second_factor="amr=otp")
HOUR = 3_600 * SECOND


def gate(**terms: Any) -> Step:
    within = terms.get("answer_within_s", 0)
    asked = ApprovalTerms(before="switch", **terms)
    return Step(name="approve_switch", phase="cutting_over", kind=WAIT, wait_for="approval", wait_ms=within * 1_000, approval=asked)


def waiting(on_failure: str = "rollback", **terms: Any) -> History:
    """A migration that ACTOR asked for, at a gate before its last step; its one check has succeeded."""
    history = given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, on_failure=on_failure))).then_something()
    history = history.when(planned(check("compare"), gate(**terms), act("switch")), actor="verifier").then_something()
    return history.when(succeeded(0, "check"), actor="verifier").then_types(e.StepSucceeded, e.ApprovalRequested)


def yes(history: History, actor: str, **changes: Any) -> History:
    environment = changes.pop("environment", "test")
    return history.when(replace(YES, **changes), actor=actor, environment=environment).then_types(e.ApprovalGiven)


def passed(history: History, actor: str, **changes: Any) -> History:
    return history.when(replace(YES, **changes), actor=actor).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def refused(history: History, code: str, actor: str = "p-1", environment: str = "test", **changes: Any) -> str:
    answer = history.when(replace(YES, **changes), actor=actor, environment=environment)
    answer.then_refused(code)
    return str(answer.events[0].message)


def test_two_people_are_two_different_people_O17() -> None:
    history = yes(waiting(quorum=2), "p-1")

    assert "another person" in refused(history, "already_approved", "p-1")
    after = passed(history, "p-2")
    assert after.state.approvals is None


def test_the_step_says_who_let_it_pass_O17() -> None:
    answer = yes(waiting(quorum=2), "p-1").when(YES, actor="p-2")

    assert answer.events[0].missing == 0
    assert answer.events[1].evidence == {"approved_by": "p-1, p-2"}


def test_a_gate_takes_one_of_its_roles_SEC11() -> None:
    history = waiting(roles=("dba", "board"))

    assert "dba, board" in refused(history, "role_missing", roles=("operator", "admin"))
    assert "token" in refused(history, "role_missing", roles=())
    passed(history, "p-1", roles=("board", "viewer"))


@pytest.mark.parametrize(("mfa", "environment"), [(True, "test"), (False, "prod"), (True, "prod")])
def test_without_a_second_factor_an_approval_does_not_count_SEC11(mfa: bool, environment: str) -> None:
    message = refused(waiting(mfa=mfa), "mfa_required", environment=environment, second_factor="")

    assert "log in with one" in message


def test_an_approval_says_which_claim_proved_the_second_factor_SEC11() -> None:
    answer = waiting(mfa=True).when(YES, actor="p-1", environment="prod")

    assert answer.events[0].second_factor == "amr=otp"


def test_an_approval_names_the_version_it_is_about_O17() -> None:
    history = waiting()
    asked = history.state.approvals.evidence_version

    assert "look again" in refused(history, "evidence_changed", evidence_version=asked - 1)
    answer = history.when(replace(YES, evidence_version=asked), actor="p-1")
    assert answer.events[0].evidence_version == asked
    assert history.when(YES, actor="p-1").events[0].evidence_version == history.state.stream.version


def test_nobody_approves_a_version_that_is_yet_to_come_O17() -> None:
    history = waiting()

    refused(history, "evidence_unknown", evidence_version=history.state.stream.version + 1)
    passed(history, "p-1", evidence_version=history.state.stream.version)


def test_after_a_step_was_done_again_an_approval_of_the_former_evidence_is_refused_O17() -> None:
    history = waiting()
    seen = history.state.stream.version
    again = history.when(c.RetryMigration(from_step="compare")).then_something()
    again = again.when(succeeded(0, "check", round_=2), actor="verifier").then_types(e.StepSucceeded, e.ApprovalRequested)

    refused(again, "evidence_changed", evidence_version=seen)
    passed(again, "p-1", evidence_version=again.state.stream.version)


def handed(history: History, by: str, to: str, until: int = NOW + HOUR, environment: str = "test", **changes: Any) -> Any:
    command = a.DelegateApproval(to=to, until=until, reason="on leave", roles=("dba",), second_factor="amr=otp")
    return history.when(replace(command, **changes), actor=by, environment=environment)


def test_a_right_is_handed_on_and_the_event_names_both_O17() -> None:
    history = waiting(roles=("dba",))
    answer = handed(history, "p-1", "p-2")
    history = answer.then_types(a.ApprovalDelegated)
    assert (answer.events[0].by, answer.events[0].to, answer.events[0].reason) == ("p-1", "p-2", "on leave")

    refused(history, "not_delegated", "p-3", on_behalf_of="p-1")
    refused(history, "role_missing", "p-2", roles=())
    given_ = history.when(replace(YES, on_behalf_of="p-1", roles=()), actor="p-2")
    assert (given_.events[0].by, given_.events[0].right_of) == ("p-2", "p-1")
    given_.then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_a_right_that_was_handed_on_ends_with_its_time_O17() -> None:
    history = handed(waiting(), "p-1", "p-2", until=NOW + 60 * SECOND).then_something()

    history.when(replace(YES, on_behalf_of="p-1"), actor="p-2", now=NOW + 60 * SECOND).then_refused("not_delegated")


def test_nobody_approves_twice_through_a_right_handed_on_SEC11() -> None:
    history = handed(waiting(quorum=2), "p-1", "p-2").then_something()

    both = yes(history, "p-2")
    assert "you have approved" in refused(both, "already_approved", "p-2", on_behalf_of="p-1")
    used = yes(history, "p-2", on_behalf_of="p-1")
    assert "the right of p-1" in refused(used, "already_approved", "p-1")
    handed(used, "p-1", "p-3").then_refused("already_approved")


def test_in_prod_who_asked_acts_for_nobody_and_nobody_for_them_SEC11() -> None:
    history = waiting(quorum=2)

    handed(history, ACTOR, "p-2", environment="prod").then_refused("four_eyes")
    handed(history, "p-1", ACTOR, environment="prod").then_refused("four_eyes")
    elsewhere = handed(history, "p-1", ACTOR).then_something()
    refused(elsewhere, "four_eyes", ACTOR, "prod", on_behalf_of="p-1")
    from_requester = handed(history, ACTOR, "p-2").then_something()
    refused(from_requester, "four_eyes", "p-2", "prod", on_behalf_of=ACTOR)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "p-1"}, "invalid_delegate"),
        ({"to": ""}, "invalid_delegate"),
        ({"until": NOW}, "invalid_until"),
        ({"until": NOW + 11 * 366 * 24 * HOUR}, "invalid_until"),
        ({"roles": ("viewer",)}, "role_missing"),
        ({"second_factor": ""}, "mfa_required"),
    ],
)
def test_only_a_right_of_ones_own_can_be_handed_on_SEC11(changes: dict[str, Any], code: str) -> None:
    handed(waiting(roles=("dba",), mfa=True), "p-1", changes.pop("to", "p-2"), **changes).then_refused(code)


def test_rights_handed_on_are_bounded_D6() -> None:
    history = waiting()
    for n in range(20):
        history = handed(history, f"p-{n}", "deputy").then_something()

    handed(history, "p-20", "deputy").then_refused("too_many_delegations")
    assert len(handed(history, "p-3", "another").then_something().state.approvals.delegated) == 20


def waiver(history: History, actor: str = "boss", until: int = NOW + HOUR, environment: str = "test", **changes: Any) -> Any:
    command = a.WaiveApproval(reason="nobody of the board is awake", until=until, roles=("admin",), second_factor="amr=mfa")
    return history.when(replace(command, **changes), actor=actor, environment=environment)


def test_a_waiver_lets_it_pass_and_is_no_approval_O17() -> None:
    answer = waiver(yes(waiting(quorum=3, roles=("dba",)), "p-1"), environment="prod")

    assert (answer.events[0].by, answer.events[0].missing, answer.events[0].until) == ("boss", 2, NOW + HOUR)
    assert answer.events[1].evidence == {"waived_by": "boss"}
    answer.then_types(a.ApprovalWaived, e.StepSucceeded, e.WorkDispatched)


def test_a_waiver_takes_a_role_above_another_person_and_a_second_factor_SEC11() -> None:
    history = waiting(roles=("dba",))

    waiver(history, roles=("dba", "operator")).then_refused("role_missing")
    waiver(history, ACTOR, environment="prod").then_refused("four_eyes")
    waiver(history, environment="prod", second_factor="").then_refused("mfa_required")
    waiver(history, until=NOW).then_refused("invalid_until")
    waiver(history, reason=" ").then_refused("reason_missing")
    waiver(given(DECIDER)).then_refused("not_found")


def paused(history: History) -> History:
    return history.when(c.PauseMigration(reason="lunch")).then_types(e.MigrationPaused)


def test_an_approval_lapses_when_the_step_has_not_begun_in_time_O17() -> None:
    history = yes(paused(waiting(expires_s=600)), "p-1")
    lapses_at = history.state.wake_at
    assert lapses_at == history.now + 600 * SECOND

    answer = history.when(c.WakeMigration(wake_at=lapses_at), now=lapses_at, actor="verifier")
    assert (answer.events[0].code, answer.events[0].approvers) == ("expired", ("p-1",))
    history = answer.then_types(a.ApprovalLapsed)
    assert (history.state.awaiting, history.state.wake_at, history.state.status) == ("approval", 0, "paused")
    history = history.when(c.ResumeMigration()).then_types(e.MigrationResumed)
    passed(history, "p-1")


def test_an_approval_in_time_lets_it_go_on_once_it_is_resumed_O17() -> None:
    history = yes(paused(waiting(expires_s=600)), "p-1")

    refused(history, "already_approved", "p-2")
    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.StepSucceeded, e.WorkDispatched)


def test_a_late_wake_lets_nothing_through_D8() -> None:
    history = yes(paused(waiting(expires_s=600)), "p-1")

    late = history.when(c.ResumeMigration(), now=history.now + 700 * SECOND).then_types(e.MigrationResumed, a.ApprovalLapsed)
    passed(late, "p-2")


def test_of_two_approvals_the_first_may_lapse_before_the_second_comes_O17() -> None:
    history = yes(waiting(quorum=2, expires_s=600), "p-1")

    answer = history.when(YES, actor="p-2", now=history.now + 600 * SECOND)
    assert [type(event) for event in answer.events] == [a.ApprovalLapsed, e.ApprovalGiven]
    assert answer.events[1].missing == 1
    passed(answer.then_something(), "p-1")


def test_a_waiver_lapses_too_O17() -> None:
    history = waiver(paused(waiting()), until=NOW + HOUR).then_types(a.ApprovalWaived)

    answer = history.when(c.WakeMigration(wake_at=NOW + HOUR), now=NOW + HOUR)
    assert (answer.events[0].code, answer.events[0].approvers) == ("waiver_expired", ("boss",))
    assert answer.then_types(a.ApprovalLapsed).state.approvals.waived_by == ""


@pytest.mark.parametrize(("on_failure", "ends"), [("rollback", e.MigrationRolledBack), ("hold", e.StepFailed)])
def test_nobody_answers_in_time_O17(on_failure: str, ends: type[Any]) -> None:
    history = waiting(on_failure, quorum=2, answer_within_s=60)
    deadline = history.state.wake_at
    half = yes(history, "p-1")

    answer = half.when(c.WakeMigration(wake_at=deadline), now=deadline)
    assert (answer.events[0].problem.code, type(answer.events[-1])) == ("approval_expired", ends)
    assert answer.then_something().state.approvals is None


def test_after_the_time_to_answer_nobody_lets_it_pass_though_the_wake_is_late_D8() -> None:
    history = waiting(answer_within_s=60)
    late = History(history.decider, history.state, history.state.wake_at - SECOND, history.asked)

    refused(late, "approval_expired")
    handed(late, "p-1", "p-2").then_refused("approval_expired")
    waiver(late).then_refused("approval_expired")
    late.when(c.WakeMigration(wake_at=history.state.wake_at)).then_something()
    late.when(c.RefuseApproval(reason="no")).then_something()


def test_once_enough_have_approved_the_time_to_answer_is_over_and_begins_anew_with_a_lapse_O17() -> None:
    history = yes(paused(waiting(expires_s=600, answer_within_s=900)), "p-1")
    lapses_at = history.state.wake_at

    history = history.when(c.WakeMigration(wake_at=lapses_at), now=lapses_at).then_types(a.ApprovalLapsed)
    assert history.state.wake_at == lapses_at + 900 * SECOND


def test_what_lapses_in_the_moment_it_fails_fails_O17() -> None:
    history = yes(waiting("hold", quorum=2, expires_s=58, answer_within_s=60), "p-1")
    assert history.state.wake_at == history.state.approvals.given[0].lapses_at

    late = history.state.approvals.answer_by
    history.when(c.WakeMigration(wake_at=history.state.wake_at), now=late).then_types(a.ApprovalLapsed, e.StepFailed)


def test_nothing_is_kept_of_a_gate_that_is_left_D6() -> None:
    history = yes(waiting(quorum=2, expires_s=600), "p-1")

    assert history.when(c.CancelMigration(reason="no")).then_something().state.approvals is None
    assert history.when(c.RefuseApproval(reason="no")).then_something().state.approvals is None
    assert history.when(c.RetryMigration(from_step="compare")).then_something().state.approvals is None


@pytest.mark.parametrize(
    "terms", [{"quorum": 0}, {"quorum": 11}, {"expires_s": -1}, {"roles": ("",)}, {"roles": tuple(map(str, range(11)))}]
)
def test_a_plan_with_terms_that_cannot_be_met_is_rejected_D6(terms: dict[str, Any]) -> None:
    history = given(DECIDER).when(c.RequestMigration(request=REQUEST)).then_something()

    answer = history.when(planned(gate(**terms), act("switch")))
    assert answer.events[0].problems[0].code == "plan_malformed"


def test_a_request_with_too_many_gates_is_refused_D6() -> None:
    many = tuple(ApprovalTerms(before=f"step_{n}") for n in range(17))

    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, approvals=many))).then_refused("invalid_approvals")


def test_a_plan_without_gates_says_nothing_of_them_in_its_state() -> None:
    history = given(DECIDER).when(c.RequestMigration(request=REQUEST)).then_something()
    history = history.when(planned(act("switch"))).then_types(e.MigrationPlanned, e.WorkDispatched)

    assert history.state.approvals is None
    assert isinstance(Plan(provider="x", steps=(act("switch"),)).steps[0].approval, type(None))


def test_what_has_lapsed_stands_in_nobodys_way_though_the_wake_is_late_D8() -> None:
    history = yes(paused(waiting(expires_s=600)), "p-1")
    history = History(history.decider, history.state, history.now + 700 * SECOND, history.asked)

    handed(history, "p-1", "p-2").then_types(a.ApprovalLapsed, a.ApprovalDelegated)
    waiver(history).then_types(a.ApprovalLapsed, a.ApprovalWaived)


def test_a_waiver_carries_what_lapsed_beneath_it_O17() -> None:
    history = yes(paused(waiting(quorum=2, expires_s=30)), "p-1")
    history = waiver(history, until=history.now + 60 * SECOND).then_types(a.ApprovalWaived)

    resumed = history.when(c.ResumeMigration(), now=history.now + 40 * SECOND)
    resumed.then_types(e.MigrationResumed, a.ApprovalLapsed, e.StepSucceeded, e.WorkDispatched)
