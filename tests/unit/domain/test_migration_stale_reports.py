"""Reports and wakes arrive late, twice and out of order: only the pending attempt is heard."""

from libs.contracts.migration import events as e
from libs.contracts.work import CHECK, UNDO
from libs.testing.migrations import act, check, failed, started, succeeded


def test_the_same_report_twice_is_heard_once_D2() -> None:
    history = started(act("copy"), act("switch")).when(succeeded(0)).then_something()

    history.when(succeeded(0)).then_nothing()
    history.when(failed(0)).then_nothing()


def test_a_report_of_an_earlier_attempt_is_stale_D2() -> None:
    history = started(act("copy")).when(failed(0, retryable=True)).then_types(e.AttemptFailed)

    history.when(succeeded(0, attempt=1)).then_nothing()
    history.when(failed(0, attempt=1)).then_nothing()


def test_a_report_of_a_future_attempt_is_not_believed_D2() -> None:
    started(act("copy")).when(succeeded(0, attempt=2)).then_nothing()


def test_a_report_of_work_that_was_never_given_is_not_believed_D2() -> None:
    history = started(act("copy"), act("switch"))

    history.when(succeeded(1)).then_nothing()
    history.when(succeeded(0, UNDO)).then_nothing()
    history.when(succeeded(0, CHECK)).then_nothing()
    history.when(succeeded(0, round_=2)).then_nothing()
    history.when(succeeded(0, chunk=0)).then_nothing()


def test_a_chunk_is_counted_once_D2() -> None:
    history = started(act("copy", chunks=3, window=3)).when(succeeded(0, chunk=1)).then_types(e.ChunkSucceeded)

    history.when(succeeded(0, chunk=1)).then_nothing()


def test_reports_after_the_end_are_stale_D2_I4() -> None:
    ended = started(check("compare")).when(succeeded(0, CHECK)).then_types(e.StepSucceeded, e.MigrationCompleted)

    ended.when(failed(0, CHECK)).then_nothing()
