"""A failed step rolls the migration back by itself; an operator can ask for the same."""

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.work import CHECK, UNDO
from libs.testing.given_when_then import SECOND
from libs.testing.migrations import (
    BROKEN,
    act,
    after_steps,
    check,
    dispatched,
    failed,
    pause_of,
    started,
    succeeded,
    undone,
    work,
    work_id,
)  # fmt: skip


def test_a_step_that_failed_for_good_rolls_everything_back_O10() -> None:
    history = after_steps(started(act("copy"), act("switch")), 1)

    history = history.when(failed(1)).then(
        e.StepFailed(work_id=work_id(1), step=1, name="switch", problem=BROKEN, held=False),
        e.StopRequested(intent="rolled_back", to_step=0, reason=BROKEN.message, code="step_failed", settle_by=0),
        e.RollbackStarted(intent="rolled_back", steps=("switch", "copy")),
        dispatched(work(1, UNDO, now=history.now + SECOND, fence=4), "switch", "rolling_back"),
    )
    history = history.when(succeeded(1, UNDO)).then_types(e.StepCompensated, e.WorkDispatched)
    history.when(succeeded(0, UNDO)).then(undone(0, "copy"), e.MigrationRolledBack(reason=BROKEN.message, skipped=0))


def test_a_check_that_failed_rolls_back_what_was_done_before_it_O10() -> None:
    history = after_steps(started(act("copy"), check("compare")), 1)

    assert history.when(failed(1, CHECK)).events[2].steps == ("copy",)


def test_a_failure_is_held_for_an_operator_where_that_was_asked_for_O10() -> None:
    history = started(act("copy"), on_failure="hold").when(failed(0))

    held = history.then(e.StepFailed(work_id=work_id(0), step=0, name="copy", problem=BROKEN, held=True))
    held.when(c.PauseMigration(reason="x")).then_refused("not_possible_now")


def test_a_held_step_is_tried_once_more_under_the_same_work_id_O10_D3() -> None:
    history = started(act("copy"), on_failure="hold").when(failed(0)).then_types(e.StepFailed)

    history = history.when(c.RetryMigration(reason="disk grown")).then(
        e.RetryRequested(reason="disk grown"),
        dispatched(work(0, "apply", now=history.now + SECOND, fence=3, attempt=2), "copy"),
    )
    history.when(succeeded(0, attempt=2)).then_types(e.StepSucceeded, e.MigrationCompleted)


def test_a_retry_that_fails_is_held_again_O10() -> None:
    history = started(act("copy", attempts=1), on_failure="hold").when(failed(0)).then_types(e.StepFailed)
    history = history.when(c.RetryMigration()).then_types(e.RetryRequested, e.WorkDispatched)

    history.when(failed(0, attempt=2, retryable=True)).then_types(e.StepFailed)


def test_what_is_held_can_be_rolled_back_or_cancelled_O10() -> None:
    history = started(act("copy"), on_failure="hold").when(failed(0)).then_types(e.StepFailed)

    back = (e.StopRequested, e.RollbackStarted, e.WorkDispatched)
    history.when(c.CancelMigration(reason="enough")).then_types(*back)
    history.when(c.RollBackMigration(reason="enough")).then_types(*back)


def test_an_operator_rolls_back_what_is_running_O9() -> None:
    history = after_steps(started(act("copy"), pause_of("soak", 1_000)), 1)

    answer = history.when(c.RollBackMigration(reason="users complain"))
    assert (answer.events[0].intent, answer.events[0].code) == ("rolled_back", "operator")
    history = answer.then_types(e.StopRequested, e.RollbackStarted, e.WorkDispatched)
    history.when(succeeded(0, UNDO)).then(undone(0, "copy"), e.MigrationRolledBack(reason="users complain", skipped=0))


def test_a_compensation_that_fails_for_a_while_is_tried_again_O9() -> None:
    history = started(act("copy")).when(failed(0)).then_something()

    answer = history.when(failed(0, UNDO, retryable=True))
    assert (answer.events[0].retry.attempt, answer.events[0].retry.fence) == (2, 4)
    answer.then_types(e.AttemptFailed).when(succeeded(0, UNDO, attempt=2)).then_types(e.StepCompensated, e.MigrationRolledBack)


def test_a_rolled_back_migration_never_moves_again_I4() -> None:
    ended = started(check("compare"), act("copy")).when(failed(0, CHECK)).then_something()

    ended.when(c.RetryMigration()).then_refused("ended")
    ended.when(c.RetryMigration(from_step="compare")).then_refused("ended")
    ended.when(succeeded(0, CHECK)).then_nothing()
