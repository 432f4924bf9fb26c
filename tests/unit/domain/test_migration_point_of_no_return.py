"""Once the act that is the point of no return is dispatched, the migration only goes forward."""

import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.testing.given_when_then import History
from libs.testing.migrations import act, after_steps, failed, final, started, succeeded


def crossed() -> History:
    return after_steps(started(act("copy"), final("drop"), act("tidy")), 1)


@pytest.mark.parametrize("command", [c.CancelMigration(reason="x"), c.RollBackMigration(reason="x"), c.RetryMigration(from_step="copy")])
def test_going_back_is_refused_with_the_reason_D5_I14(command: object) -> None:
    crossed().when(command).then_refused("past_point_of_no_return")


def test_until_then_going_back_is_possible_D5() -> None:
    started(act("copy"), final("drop")).when(c.CancelMigration(reason="x")).then_types(e.StopRequested)


def test_a_failure_after_it_is_held_whatever_was_asked_for_D5() -> None:
    history = crossed().when(failed(1)).then_types(e.StepFailed)

    history.when(c.CancelMigration(reason="x")).then_refused("past_point_of_no_return")
    history.when(c.RetryMigration()).then_types(e.RetryRequested, e.WorkDispatched)


def test_a_later_step_that_fails_is_held_too_D5() -> None:
    crossed().when(succeeded(1)).then_something().when(failed(2)).then_types(e.StepFailed)


def test_pause_and_resume_stay_possible_O10() -> None:
    crossed().when(c.PauseMigration(reason="x")).then_something().when(c.ResumeMigration()).then_types(e.MigrationResumed)
