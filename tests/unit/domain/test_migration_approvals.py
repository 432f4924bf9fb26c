"""A wait for a person: approved, refused, or lapsed."""

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import act, after_steps, approval, final, planned, requested, started

EXPIRES = NOW + 61 * SECOND
YES = c.ApproveMigration(reason="rehearsed twice")


def test_an_approval_is_asked_for_with_its_expiry_O17() -> None:
    gate = approval("sign_off", 60_000)

    requested().when(planned(gate)).then(
        e.MigrationPlanned(plan=planned(gate).plan), e.ApprovalRequested(step=0, name="sign_off", expires_at=EXPIRES, evidence_version=3)
    )


def test_an_approval_without_expiry_waits_for_ever_O17() -> None:
    assert requested().when(planned(approval("sign_off"))).events[1].expires_at == 0


def test_an_approval_lets_it_go_on_and_names_who_gave_it_O17() -> None:
    answer = started(approval("sign_off"), act("switch")).when(YES, actor="subject-2")

    assert answer.events[:2] == [
        e.ApprovalGiven(step=0, name="sign_off", reason="rehearsed twice", by="subject-2", right_of="subject-2", evidence_version=4),
        e.StepSucceeded(work_id="", step=0, name="sign_off", evidence={"approved_by": "subject-2"}),
    ]
    answer.then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_a_refused_approval_rolls_back_O17() -> None:
    history = after_steps(started(act("copy"), approval("sign_off")), 1)

    answer = history.when(c.RefuseApproval(reason="not on a Friday"))
    assert (answer.events[0].code, answer.events[0].intent) == ("approval_refused", "rolled_back")
    answer.then_types(e.StopRequested, e.RollbackStarted, e.WorkDispatched)


def test_a_lapsed_approval_rolls_back_O17() -> None:
    answer = started(approval("sign_off", 60_000)).when(c.WakeMigration(wake_at=EXPIRES), now=EXPIRES)

    assert answer.events[0].problem.code == "approval_expired"
    answer.then_types(e.StepFailed, e.StopRequested, e.RollbackStarted, e.MigrationRolledBack)


def test_a_lapsed_approval_is_asked_for_again_when_it_is_held_O10() -> None:
    history = started(approval("sign_off", 60_000), on_failure="hold")
    history = history.when(c.WakeMigration(wake_at=EXPIRES), now=EXPIRES).then_types(e.StepFailed)

    history.when(YES).then_refused("not_possible_now")
    history.when(c.RetryMigration()).then_types(e.RetryRequested, e.ApprovalRequested)


def test_an_approval_is_refused_when_nobody_asked_for_one_O10() -> None:
    started(act("copy")).when(YES).then_refused("not_possible_now")
    started(act("copy")).when(c.RefuseApproval(reason="no")).then_refused("not_possible_now")


def test_an_approval_while_paused_waits_for_the_resumption_O10() -> None:
    history = started(approval("sign_off"), act("switch")).when(c.PauseMigration(reason="lunch")).then_types(e.MigrationPaused)
    history = history.when(YES).then_types(e.ApprovalGiven, e.StepSucceeded)

    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.WorkDispatched)


def test_an_approval_past_the_point_of_no_return_cannot_be_refused_D5() -> None:
    history = after_steps(started(final("drop"), approval("sign_off")), 1)

    history.when(c.RefuseApproval(reason="no")).then_refused("past_point_of_no_return")
