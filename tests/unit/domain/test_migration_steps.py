"""Steps run one after another: acts by the migrator, checks by the verifier."""

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.work import APPLY, CHECK
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import act, after_steps, approval, check, dispatched, final, started, step_done, succeeded, work


def test_an_act_that_succeeded_lets_the_next_one_begin_O5_I1() -> None:
    started(act("copy"), act("switch", phase="cutting_over")).when(succeeded(0)).then(
        step_done(0, "copy"), dispatched(work(1, APPLY, now=NOW + 2 * SECOND, fence=3), "switch", "cutting_over")
    )


def test_a_check_goes_to_the_verifier_O6() -> None:
    started(act("copy"), check("compare")).when(succeeded(0)).then(
        step_done(0, "copy"), dispatched(work(1, CHECK, now=NOW + 2 * SECOND, fence=3), "compare", "testing")
    )


def test_evidence_of_a_step_is_on_the_log_O6() -> None:
    history = started(check("lag"), act("switch"))

    assert history.when(succeeded(0, CHECK)).events[0].evidence == {"rows": 41}


def test_the_last_step_completes_it_O10() -> None:
    started(act("copy")).when(succeeded(0)).then(step_done(0, "copy"), e.MigrationCompleted(steps=1))


def test_a_wait_as_last_step_completes_it_too_O10() -> None:
    started(approval("sign_off")).when(c.ApproveMigration()).then_types(e.ApprovalGiven, e.StepSucceeded, e.MigrationCompleted)


def test_the_fence_rises_with_every_dispatch_D3_I6() -> None:
    history = started(act("one"), act("two"), act("three"))

    assert history.when(succeeded(0)).events[1].work.fence == 3
    assert after_steps(history, 1).when(succeeded(1)).events[1].work.fence == 4


def test_the_timeout_of_the_step_is_the_deadline_of_its_work_D6() -> None:
    history = started(act("copy"), act("long", timeout_ms=7_200_000))

    assert history.when(succeeded(0), now=NOW + 60 * SECOND).events[1].work.deadline == NOW + 7_260 * SECOND


def test_the_dispatch_of_the_point_of_no_return_says_so_D5() -> None:
    started(act("copy"), final("drop")).when(succeeded(0)).then(
        step_done(0, "copy"), dispatched(work(1, APPLY, now=NOW + 2 * SECOND, fence=3), "drop", "finalising", final=True)
    )
