"""A pause lets what is in flight finish and starts nothing further."""

import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Step
from libs.testing.given_when_then import NOW, SECOND, History
from libs.testing.migrations import act, after_steps, approval, failed, pause_of, started, step_done, succeeded

PAUSE = c.PauseMigration(reason="freeze")


def paused(history: History) -> History:
    return history.when(PAUSE).then(e.MigrationPaused(reason="freeze"))


def test_what_is_in_flight_finishes_and_nothing_further_starts_O10() -> None:
    paused(started(act("copy"), act("switch"))).when(succeeded(0)).then(step_done(0, "copy"))


def test_it_goes_on_where_it_was_after_the_step_finished_O10() -> None:
    history = paused(started(act("copy"), act("switch", phase="cutting_over"))).when(succeeded(0)).then_types(e.StepSucceeded)

    answer = history.when(c.ResumeMigration(reason="thawed"))
    assert answer.events[0] == e.MigrationResumed(reason="thawed", phase="cutting_over")
    answer.then_types(e.MigrationResumed, e.WorkDispatched)


def test_what_is_still_in_flight_is_not_started_twice_O10() -> None:
    history = paused(started(act("copy"))).when(c.ResumeMigration()).then(e.MigrationResumed(reason="", phase="replicating"))

    history.when(succeeded(0)).then_types(e.StepSucceeded, e.MigrationCompleted)


def test_a_pause_after_the_last_step_completes_on_resumption_O10() -> None:
    history = paused(started(act("copy"))).when(succeeded(0)).then_types(e.StepSucceeded)

    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.MigrationCompleted)


def test_attempts_in_flight_are_still_tried_again_O10() -> None:
    paused(started(act("copy"))).when(failed(0, retryable=True)).then_types(e.AttemptFailed)


def test_a_failure_while_paused_rolls_back_O10() -> None:
    paused(started(act("copy"))).when(failed(0)).then_types(e.StepFailed, e.StopRequested, e.RollbackStarted, e.WorkDispatched)


def test_a_failure_while_paused_is_held_where_that_was_asked_for_O10() -> None:
    history = paused(started(act("copy"), on_failure="hold")).when(failed(0)).then_types(e.StepFailed)

    history.when(c.ResumeMigration()).then_refused("not_possible_now")
    history.when(c.RetryMigration()).then_types(e.RetryRequested, e.WorkDispatched)


def test_chunks_in_flight_finish_and_the_window_fills_up_on_resumption_P5() -> None:
    history = paused(started(act("copy", chunks=5, window=2)))
    history = history.when(succeeded(0, chunk=0)).then_types(e.ChunkSucceeded)
    history = history.when(succeeded(0, chunk=1)).then_types(e.ChunkSucceeded)

    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.WorkDispatched, e.WorkDispatched)


def test_the_last_chunk_may_end_while_paused_P5() -> None:
    history = paused(started(act("copy", chunks=1), act("switch"))).when(succeeded(0, chunk=0))

    history.then_types(e.ChunkSucceeded, e.StepSucceeded).when(c.ResumeMigration()).then_types(e.MigrationResumed, e.WorkDispatched)


def test_a_wait_may_end_while_paused_D8() -> None:
    until = NOW + 61 * SECOND
    history = paused(started(pause_of("soak", 60_000), act("switch")))
    history = history.when(c.WakeMigration(wake_at=until), now=until).then_types(e.StepSucceeded)

    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.WorkDispatched)


@pytest.mark.parametrize(("step", "phase"), [(pause_of("soak", 60_000), "waiting"), (approval("sign_off"), "awaiting_approval")])
def test_a_wait_goes_on_after_the_pause_O10(step: Step, phase: str) -> None:
    answer = paused(started(step, act("switch"))).when(c.ResumeMigration())

    answer.then(e.MigrationResumed(reason="", phase=phase))


def test_it_can_be_cancelled_while_paused_O10() -> None:
    history = after_steps(started(act("copy"), act("switch")), 1)

    stopping = paused(history).when(c.CancelMigration(reason="enough")).then_types(e.StopRequested)
    stopping.when(succeeded(1)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_a_second_pause_and_a_resumption_without_one_are_refused_O10() -> None:
    paused(started(act("copy"))).when(PAUSE).then_refused("not_possible_now")
    started(act("copy")).when(c.ResumeMigration()).then_refused("not_possible_now")
