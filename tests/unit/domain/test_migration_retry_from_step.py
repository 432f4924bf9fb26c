"""Retry from an earlier step: undo back to it, then go forward again in a new round."""

from typing import Any

import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.work import APPLY, CHECK, UNDO
from libs.testing.given_when_then import SECOND, History
from libs.testing.migrations import BROKEN, act, after_steps, check, dispatched, failed, started, stopped, succeeded, undone, work

FROM_COPY = c.RetryMigration(from_step="copy", reason="index was wrong")


def test_only_what_came_since_is_undone_and_the_round_rises_then_D3_I8() -> None:
    history = after_steps(started(act("prepare"), act("copy"), act("switch")), 2)
    history = history.when(FROM_COPY).then_types(e.StopRequested)
    history = history.when(stopped(2)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)
    history = history.when(succeeded(2, UNDO)).then_types(e.StepCompensated, e.WorkDispatched)

    history = history.when(succeeded(1, UNDO)).then(
        undone(1, "copy"),
        RewindCompleted(step=1, round=2),
        dispatched(work(1, APPLY, now=history.now + SECOND, fence=7, round_=2), "copy"),
    )
    history.when(succeeded(1, round_=2)).then_types(e.StepSucceeded, e.WorkDispatched)


def test_a_report_of_the_round_before_is_stale_D2() -> None:
    history = started(act("copy")).when(FROM_COPY).then_something().when(stopped(0)).then_something()
    history = history.when(succeeded(0, UNDO)).then_types(e.StepCompensated, RewindCompleted, e.WorkDispatched)

    history.when(succeeded(0)).then_nothing()
    history.when(succeeded(0, UNDO)).then_nothing()
    history.when(succeeded(0, round_=2)).then_types(e.StepSucceeded, e.MigrationCompleted)


def test_a_rollback_in_the_second_round_undoes_under_the_second_round_D3() -> None:
    history = after_steps(started(act("prepare"), act("copy")), 1).when(FROM_COPY).then_something().when(stopped(1)).then_something()
    history = history.when(succeeded(1, UNDO)).then_something().when(failed(1, round_=2)).then_something()

    history = history.when(succeeded(1, UNDO, round_=2)).then_types(e.StepCompensated, e.WorkDispatched)
    history.when(succeeded(0, UNDO, round_=2)).then(undone(0, "prepare", round_=2), e.MigrationRolledBack(reason=BROKEN.message, skipped=0))


def test_a_held_migration_can_go_back_to_a_step_O10() -> None:
    history = after_steps(started(act("copy"), check("compare"), on_failure="hold"), 1).when(failed(1, CHECK)).then_types(e.StepFailed)

    history = history.when(FROM_COPY).then_types(e.StopRequested, e.RollbackStarted, e.WorkDispatched)
    history.when(succeeded(0, UNDO)).then_types(e.StepCompensated, RewindCompleted, e.WorkDispatched)


def test_from_a_check_nothing_is_undone_O10() -> None:
    history = after_steps(started(act("copy"), check("compare"), on_failure="hold"), 1).when(failed(1, CHECK)).then_something()

    history.when(c.RetryMigration(from_step="compare")).then_types(e.StopRequested, e.RollbackStarted, RewindCompleted, e.WorkDispatched)


def test_chunks_begin_from_the_first_again_P5() -> None:
    history = started(act("copy", chunks=4, window=1)).when(succeeded(0, chunk=0)).then_something()
    history = history.when(FROM_COPY).then_something().when(stopped(0, chunk=1)).then_something()

    answer = history.when(succeeded(0, UNDO))
    assert answer.events[-1].work.chunk == "0"
    answer.then_types(e.StepCompensated, RewindCompleted, e.WorkDispatched)


def test_a_step_that_was_not_reached_or_is_unknown_is_refused_by_name_O10() -> None:
    history = started(act("copy"), act("switch"))

    for name in ("switch", "nonsense"):
        answer = history.when(c.RetryMigration(from_step=name))
        assert "copy" in answer.events[0].message
        answer.then_refused("unknown_step")


def test_a_rewound_migration_can_be_cancelled_O10() -> None:
    history = started(act("copy")).when(FROM_COPY).then_something().when(stopped(0)).then_something()
    history = history.when(succeeded(0, UNDO)).then_something()

    history = history.when(c.CancelMigration(reason="enough")).then_types(e.StopRequested).when(succeeded(0, round_=2)).then_something()
    history.when(succeeded(0, UNDO, round_=2)).then_types(e.StepCompensated, e.MigrationCancelled)


def rewinding() -> History:
    """On the way back to its second step: the third is being undone."""
    history = after_steps(started(act("prepare"), act("copy"), act("switch")), 2).when(FROM_COPY).then_something()
    return history.when(stopped(2)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


@pytest.mark.parametrize(
    ("wish", "intent", "end"),
    [
        (c.CancelMigration(reason="enough"), "cancelled", e.MigrationCancelled(reason="enough", skipped=0)),
        (c.RollBackMigration(reason="enough"), "rolled_back", e.MigrationRolledBack(reason="enough", skipped=0)),
    ],
)
def test_one_that_goes_back_to_a_step_goes_on_to_the_first_when_it_shall_O9_O10(wish: Any, intent: str, end: Any) -> None:
    history = rewinding().when(wish).then(RewindOverruled(intent=intent, reason="enough"))
    history = history.when(succeeded(2, UNDO)).then_types(e.StepCompensated, e.WorkDispatched)
    history = history.when(succeeded(1, UNDO)).then_types(e.StepCompensated, e.WorkDispatched)

    history.when(succeeded(0, UNDO)).then(undone(0, "prepare"), end)


def test_it_is_overruled_while_it_comes_to_rest_and_while_it_is_stuck_O9() -> None:
    wish, overruled = c.RollBackMigration(reason="x"), RewindOverruled(intent="rolled_back", reason="x")
    history = after_steps(started(act("copy"), act("switch")), 1).when(c.RetryMigration(from_step="switch")).then_types(e.StopRequested)

    assert history.when(wish).then(overruled).when(stopped(1)).events[1] == e.RollbackStarted(
        intent="rolled_back", steps=("switch", "copy")
    )

    stuck = history.when(stopped(1)).then_something().when(failed(1, UNDO)).then_types(e.RollbackStuck)
    stuck = stuck.when(wish).then(overruled).when(c.SkipCompensation(reason="gone")).then_types(e.CompensationSkipped, e.WorkDispatched)
    stuck.when(succeeded(0, UNDO)).then(undone(0, "copy"), e.MigrationRolledBack(reason="x", skipped=1))


def test_one_that_is_paused_on_its_way_back_stays_at_the_step_until_it_is_resumed_O10() -> None:
    history = rewinding().when(c.PauseMigration(reason="a freeze")).then(RewindOverruled(intent="paused", reason="a freeze"))
    history = history.when(succeeded(2, UNDO)).then_types(e.StepCompensated, e.WorkDispatched)

    history = history.when(succeeded(1, UNDO)).then(
        undone(1, "copy"), RewindCompleted(step=1, round=2), e.MigrationPaused(reason="a freeze")
    )
    answer = history.when(c.ResumeMigration())
    assert (answer.events[1].work.step, answer.events[1].work.round) == (1, 2)
    answer.then_types(e.MigrationResumed, e.WorkDispatched)


def test_one_that_is_resumed_before_it_is_back_goes_forward_again_O10() -> None:
    history = rewinding().when(c.PauseMigration(reason="a freeze")).then_something()
    history.when(c.PauseMigration(reason="twice")).then_refused("not_possible_now")

    history = history.when(c.ResumeMigration(reason="over")).then(RewindOverruled(intent="retry", reason="over"))
    history = history.when(succeeded(2, UNDO)).then_something()
    history.when(succeeded(1, UNDO)).then_types(e.StepCompensated, RewindCompleted, e.WorkDispatched)


def test_one_that_goes_back_for_good_is_not_overruled_O10() -> None:
    history = started(act("copy")).when(c.RollBackMigration(reason="x")).then_something()

    for wish in (c.CancelMigration(reason="y"), c.PauseMigration(reason="y"), c.ResumeMigration(), FROM_COPY):
        history.when(wish).then_refused("not_possible_now")
