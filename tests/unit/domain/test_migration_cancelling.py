"""A cancelled migration comes to rest, undoes what was dispatched, in reverse order, and ends."""

import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.work import APPLY, UNDO, ReportWork
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import (
    GRACE,
    act,
    after_steps,
    check,
    dispatched,
    failed,
    pause_of,
    started,
    stopped,
    succeeded,
    undone,
    work,
    work_id,
)  # fmt: skip

CANCEL = c.CancelMigration(reason="wrong target")


def test_it_first_waits_for_what_is_in_flight_D5() -> None:
    started(act("copy")).when(CANCEL).then(
        e.StopRequested(intent="cancelled", to_step=0, reason="wrong target", code="cancelled", settle_by=NOW + 301 * SECOND + GRACE)
    )


@pytest.mark.parametrize(("report", "outcome"), [(succeeded(1), "succeeded"), (failed(1), "failed"), (stopped(1), "stopped")])
def test_whatever_the_act_in_flight_came_to_it_is_undone_D5(report: ReportWork, outcome: str) -> None:
    stopping = after_steps(started(act("copy"), act("switch")), 1).when(CANCEL).then_types(e.StopRequested)

    stopping.when(report).then(
        e.WorkSettled(work_id=work_id(1), step=1, name="switch", outcome=outcome),
        e.RollbackStarted(intent="cancelled", steps=("switch", "copy")),
        dispatched(work(1, UNDO, now=stopping.now + SECOND, fence=4), "switch", "rolling_back"),
    )


def test_compensations_run_in_reverse_order_one_at_a_time_O9_I2() -> None:
    history = after_steps(started(act("copy"), act("index"), pause_of("soak", 1_000)), 2)
    history = history.when(CANCEL).then_types(e.StopRequested, e.RollbackStarted, e.WorkDispatched)

    history = history.when(succeeded(1, UNDO)).then(
        undone(1, "index"), dispatched(work(0, UNDO, now=history.now + SECOND, fence=5), "copy", "rolling_back")
    )
    history.when(succeeded(0, UNDO)).then(undone(0, "copy"), e.MigrationCancelled(reason="wrong target", skipped=0))


def test_with_nothing_in_flight_and_nothing_done_it_ends_at_once_O10() -> None:
    answer = started(pause_of("soak", 1_000), act("copy")).when(CANCEL)

    answer.then(
        e.StopRequested(intent="cancelled", to_step=0, reason="wrong target", code="cancelled", settle_by=0),
        e.RollbackStarted(intent="cancelled", steps=()),
        e.MigrationCancelled(reason="wrong target", skipped=0),
    )


def test_what_was_never_dispatched_is_not_undone_I3() -> None:
    history = started(act("copy"), act("index"), act("switch")).when(CANCEL).then_types(e.StopRequested)

    assert history.when(succeeded(0)).events[1].steps == ("copy",)


def test_checks_and_acts_without_compensation_are_not_undone_I3() -> None:
    history = after_steps(started(act("copy"), act("announce", compensation=""), check("compare"), pause_of("soak", 1_000)), 3)

    assert history.when(CANCEL).events[1].steps == ("copy",)


def test_all_chunks_in_flight_come_to_rest_and_the_step_is_undone_whole_D5() -> None:
    history = started(act("copy", chunks=9, window=3)).when(CANCEL).then_types(e.StopRequested)
    history = history.when(succeeded(0, chunk=1)).then_types(e.WorkSettled)
    history = history.when(stopped(0, chunk=0)).then_types(e.WorkSettled)

    answer = history.when(failed(0, chunk=2, retryable=True))
    assert answer.events[2].work.work_id == work_id(0, UNDO)
    answer.then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_an_attempt_that_fails_while_it_stops_is_not_repeated_D5() -> None:
    history = started(act("copy")).when(CANCEL).then_types(e.StopRequested)

    history.when(failed(0, APPLY, retryable=True)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_a_cancelled_migration_never_moves_again_I4() -> None:
    ended = started(pause_of("soak", 1_000)).when(CANCEL).then_something()

    for command in (CANCEL, c.RollBackMigration(reason="x"), c.PauseMigration(reason="x"), c.ResumeMigration(), c.RetryMigration()):
        ended.when(command).then_refused("ended")
    ended.when(c.SkipCompensation(reason="x")).then_refused("ended")
    ended.when(c.ApproveMigration()).then_refused("ended")
    ended.when(c.RetryMigration(from_step="soak")).then_refused("ended")
    ended.when(c.WakeMigration(wake_at=NOW + 2 * SECOND), now=NOW + 9 * SECOND).then_nothing()


def test_a_second_cancellation_is_refused_while_the_first_runs_O10() -> None:
    history = started(act("copy")).when(CANCEL).then_types(e.StopRequested)

    history.when(CANCEL).then_refused("not_possible_now")
    history.when(c.RollBackMigration(reason="x")).then_refused("not_possible_now")
    history.when(c.PauseMigration(reason="x")).then_refused("not_possible_now")
