"""The verifier reports a plan: it is frozen, or the migration is rejected with every problem at once."""

import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Step
from libs.contracts.values import Problem
from libs.contracts.work import APPLY, FAILED, PLAN, ReportWork
from libs.testing.given_when_then import NOW, SECOND, History
from libs.testing.migrations import BROKEN, PLANNING, act, approval, check, dispatched, pause_of, plan_of, planned, requested, work

UNREACHABLE = Problem(code="source_unreachable", category="prerequisite", message="the source does not answer", field="/source/host")


def test_a_plan_is_frozen_and_its_first_act_dispatched_D3() -> None:
    copy = act("copy")

    requested().when(planned(copy)).then(
        e.MigrationPlanned(plan=plan_of(copy)), dispatched(work(0, APPLY, now=NOW + SECOND, fence=2), "copy")
    )


def test_all_prerequisites_that_do_not_hold_are_reported_at_once_O3() -> None:
    problems = (BROKEN, UNREACHABLE)

    requested().when(planned(problems=problems)).then(e.MigrationRejected(problems=problems))


def test_a_rejected_migration_never_moves_again_O10() -> None:
    rejected = requested().when(planned(problems=(BROKEN,))).then_types(e.MigrationRejected)

    rejected.when(c.RetryMigration()).then_refused("ended")
    rejected.when(c.CancelMigration(reason="enough")).then_refused("ended")
    rejected.when(planned(act("copy"))).then_nothing()


@pytest.mark.parametrize(
    ("steps", "flaw"),
    [
        ((), "it has no steps"),
        ((act("copy"), act("copy")), "two steps have the same name"),
        ((Step(name="guess", phase="testing", kind="guess"),), "unknown kind guess"),
        ((Step(name="nap", phase="testing", kind="wait", wait_for="rain"),), "waits for unknown 'rain'"),
        ((act("copy", attempts=0),), "attempts"),
        ((act("copy", timeout_ms=0),), "timeout_ms"),
        ((act("copy", backoff_ms=-1),), "backoff_ms"),
        ((act("copy", window=0),), "window"),
        ((act("copy", chunks=5, window=101),), "window"),
        ((act("copy", chunks=-1),), "chunks"),
        ((pause_of("nap", 0),), "wait_ms"),
        ((approval("sign_off", -1),), "wait_ms"),
        ((check("look", point_of_no_return=True),), "point of no return"),
        (tuple(act(f"act_{n}") for n in range(1_001)), "1001 steps"),
        ((act(""),), "empty name"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_rejected_with_its_flaw_D6(steps: tuple[Step, ...], flaw: str) -> None:
    answer = requested().when(planned(*steps))

    assert flaw in answer.events[0].problems[0].message
    answer.then_types(e.MigrationRejected)


def test_planning_that_fails_for_a_while_is_tried_again_with_a_higher_fence_O6() -> None:
    answer = requested().when(planning_failed(attempt=1, retryable=True))
    retry = answer.events[0].retry

    assert (retry.work_id, retry.attempt, retry.fence) == (PLANNING, 2, 2)
    answer.then(e.AttemptFailed(problem=BROKEN, retry=retry, name=PLAN))


def test_planning_that_fails_for_good_rejects_the_migration_O3() -> None:
    requested().when(planning_failed(attempt=1, retryable=False)).then(e.MigrationRejected(problems=(BROKEN,)))


def test_planning_is_tried_five_times_O3() -> None:
    history = requested()
    for attempt in range(1, 5):
        history = history.when(planning_failed(attempt=attempt, retryable=True)).then_types(e.AttemptFailed)

    history.when(planning_failed(attempt=5, retryable=True)).then(e.MigrationRejected(problems=(BROKEN,)))


def test_the_plan_of_an_earlier_attempt_is_stale_D2() -> None:
    history: History = requested().when(planning_failed(attempt=1, retryable=True)).then_types(e.AttemptFailed)

    history.when(planned(act("copy"), attempt=1)).then_nothing()
    history.when(planned(act("copy"), attempt=2)).then_types(e.MigrationPlanned, e.WorkDispatched)


def test_success_without_a_plan_says_nothing_D2() -> None:
    requested().when(ReportWork(work_id=PLANNING, attempt=1, outcome="succeeded")).then_nothing()


def test_it_can_be_cancelled_while_it_is_planned_and_only_cancelled_O10() -> None:
    requested().when(c.PauseMigration(reason="wait")).then_refused("not_possible_now")
    requested().when(c.RollBackMigration(reason="no")).then_refused("not_possible_now")
    requested().when(c.CancelMigration(reason="no")).then(e.MigrationCancelled(reason="no", skipped=0))


def planning_failed(*, attempt: int, retryable: bool) -> ReportWork:
    return ReportWork(work_id=PLANNING, attempt=attempt, outcome=FAILED, problem=BROKEN, retryable=retryable)
