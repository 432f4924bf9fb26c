"""What fails for a while is tried again: the same work id, a higher attempt and fence, a growing pause."""

import pytest

from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Step
from libs.contracts.work import APPLY, ReportWork
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import BROKEN, act, check, failed, started, stopped, succeeded, work_id


def test_a_failed_attempt_is_tried_again_under_the_same_work_id_D3_I7() -> None:
    answer = started(act("copy")).when(failed(0, retryable=True))
    retry = answer.events[0].retry

    assert (retry.work_id, retry.attempt, retry.fence, retry.round) == (work_id(0), 2, 3, 1)
    answer.then(e.AttemptFailed(problem=BROKEN, retry=retry, name="copy"))


def test_the_deadline_of_a_further_attempt_counts_from_its_start_D6() -> None:
    retry = started(act("copy", timeout_ms=10_000)).when(failed(0, retryable=True)).events[0].retry

    assert retry.deadline == retry.not_before + 10 * SECOND


@pytest.mark.parametrize(("attempt", "ms"), [(1, 500), (2, 1_000), (3, 2_000), (7, 32_000), (8, 60_000), (40, 60_000)])
def test_the_pause_doubles_up_to_a_minute_within_a_quarter_of_jitter_O8(attempt: int, ms: int) -> None:
    history = started(act("copy", attempts=50))
    for n in range(1, attempt):
        history = history.when(failed(0, retryable=True, attempt=n)).then_types(e.AttemptFailed)
    now = history.now + SECOND

    pause = history.when(failed(0, retryable=True, attempt=attempt)).events[0].retry.not_before - now

    assert 0.75 * ms <= pause / 1_000 <= 1.25 * ms


def test_the_pause_derives_from_the_work_id_alone_D2() -> None:
    first, second = (started(act("copy")).when(failed(0, retryable=True)).events for _ in range(2))

    assert first == second


def test_different_work_pauses_differently_O8() -> None:
    history = started(act("copy", chunks=8, window=8))

    starts = {history.when(failed(0, chunk=n, retryable=True), now=NOW + SECOND).events[0].retry.not_before for n in range(8)}

    assert len(starts) > 1


@pytest.mark.parametrize("step", [act("copy", attempts=3), check("compare", attempts=3)])
def test_the_last_attempt_fails_the_step_O6(step: Step) -> None:
    direction = "check" if step.kind == "check" else APPLY
    history = started(step)
    for attempt in (1, 2):
        history = history.when(failed(0, direction, retryable=True, attempt=attempt)).then_types(e.AttemptFailed)

    answer = history.when(failed(0, direction, retryable=True, attempt=3))
    assert answer.events[0] == e.StepFailed(work_id=work_id(0, direction), step=0, name=step.name, problem=BROKEN, held=False)
    answer.then_something()


def test_what_no_repetition_can_mend_is_not_repeated_O11() -> None:
    answer = started(act("copy")).when(failed(0, retryable=False))

    assert type(answer.events[0]) is e.StepFailed
    answer.then_something()


def test_a_success_after_failures_goes_on_O6() -> None:
    history = started(act("copy"), act("switch")).when(failed(0, retryable=True)).then_types(e.AttemptFailed)

    history.when(succeeded(0, attempt=2)).then_types(e.StepSucceeded, e.WorkDispatched)


def test_work_that_stopped_without_being_asked_is_tried_again_D3() -> None:
    answer = started(act("copy")).when(stopped(0))

    assert answer.events[0].problem.code == "work_stopped"
    answer.then_types(e.AttemptFailed)


def test_a_failure_without_a_reason_still_names_one_O11() -> None:
    answer = started(act("copy")).when(ReportWork(work_id=work_id(0), attempt=1, outcome="failed"))

    assert answer.events[0].problem.code == "work_failed"
    answer.then_types(e.AttemptFailed)
