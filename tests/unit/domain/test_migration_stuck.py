"""A compensation that fails for good parks the migration: an operator tries it again or skips it with a reason."""

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.work import UNDO
from libs.testing.given_when_then import SECOND, History
from libs.testing.migrations import BROKEN, act, after_steps, dispatched, failed, started, succeeded, undone, work

SKIP = c.SkipCompensation(reason="the machine is gone")


def stuck(*names: str) -> History:
    history = after_steps(started(*(act(name) for name in names)), len(names) - 1)
    last = len(names) - 1
    history = history.when(failed(last)).then_something()
    return history.when(failed(last, UNDO)).then(e.RollbackStuck(step=last, name=names[last], problem=BROKEN))


def test_the_last_attempt_of_a_compensation_parks_it_O9() -> None:
    history = started(act("copy", attempts=2)).when(failed(0)).then_something()
    history = history.when(failed(0, UNDO, retryable=True)).then_types(e.AttemptFailed)

    history.when(failed(0, UNDO, attempt=2, retryable=True)).then_types(e.RollbackStuck)


def test_it_is_tried_once_more_under_the_same_work_id_O9_D3() -> None:
    history = stuck("copy")

    history = history.when(c.RetryMigration(reason="network is back")).then(
        e.RetryRequested(reason="network is back"),
        dispatched(work(0, UNDO, now=history.now + SECOND, fence=4, attempt=2), "copy", "rolling_back"),
    )
    history.when(succeeded(0, UNDO, attempt=2)).then(undone(0, "copy"), e.MigrationRolledBack(reason=BROKEN.message, skipped=0))


def test_a_retry_that_fails_parks_it_again_O9() -> None:
    history = stuck("copy").when(c.RetryMigration()).then_something()

    history.when(failed(0, UNDO, attempt=2)).then_types(e.RollbackStuck)


def test_skipping_goes_on_with_the_rest_and_is_counted_O9() -> None:
    history = stuck("copy", "switch")

    history = history.when(SKIP).then(
        e.CompensationSkipped(step=1, name="switch", reason="the machine is gone"),
        dispatched(work(0, UNDO, now=history.now + SECOND, fence=5), "copy", "rolling_back"),
    )
    history.when(succeeded(0, UNDO)).then(undone(0, "copy"), e.MigrationRolledBack(reason=BROKEN.message, skipped=1))


def test_skipping_the_last_one_ends_it_O9() -> None:
    stuck("copy").when(SKIP).then(
        e.CompensationSkipped(step=0, name="copy", reason="the machine is gone"),
        e.MigrationRolledBack(reason=BROKEN.message, skipped=1),
    )


def test_a_cancelled_migration_that_was_stuck_ends_cancelled_O9() -> None:
    history = started(act("copy")).when(c.CancelMigration(reason="enough")).then_something()
    history = history.when(succeeded(0)).then_something().when(failed(0, UNDO)).then_types(e.RollbackStuck)

    history.when(SKIP).then_types(e.CompensationSkipped, e.MigrationCancelled)


def test_a_late_success_of_the_parked_attempt_is_stale_D2() -> None:
    stuck("copy").when(succeeded(0, UNDO)).then_nothing()


def test_nothing_but_retry_and_skip_moves_it_O10() -> None:
    history = stuck("copy")

    for command in (c.CancelMigration(reason="x"), c.RollBackMigration(reason="x"), c.PauseMigration(reason="x"), c.ResumeMigration()):
        history.when(command).then_refused("not_possible_now")
    history.when(c.RetryMigration(from_step="copy")).then_refused("not_possible_now")


def test_skipping_is_refused_while_nothing_is_stuck_O10() -> None:
    started(act("copy")).when(SKIP).then_refused("not_possible_now")


def test_a_skip_on_the_way_to_a_retry_ends_rolled_back_lest_the_effect_comes_twice_D3_I8() -> None:
    history = after_steps(started(act("prepare"), act("copy"), act("switch")), 1)
    history = history.when(c.RetryMigration(from_step="copy")).then_types(e.StopRequested)
    history = history.when(succeeded(1)).then_something().when(failed(1, UNDO)).then_types(e.RollbackStuck)

    history = history.when(SKIP).then_types(e.CompensationSkipped, e.WorkDispatched)
    history.when(succeeded(0, UNDO)).then(undone(0, "prepare"), e.MigrationRolledBack(reason="", skipped=1))
