"""A delivery is tried by the Standard Webhooks schedule until it is accepted or given up (R10)."""

import pytest
from msgspec.structs import replace

from libs.contracts import delivery as d
from libs.contracts.work import NOTIFIER, TELL, Work
from libs.domain.delivery import DECIDER
from libs.testing.given_when_then import AGGREGATE, HOUR, NOW, SECOND, TENANT, History, given

MESSAGE = d.Message(
    subscription="sub-1",
    channel="webhook",
    url="https://example.org/hook",
    event_type="migration.completed",
    event_id="e1",
    migration="mig-7",
    payload="{}",
)
FIRST = Work(
    work_id="acme/mig-7/tell/-/tell/1",
    worker=NOTIFIER,
    step=-1,
    chunk="-",
    direction=TELL,
    round=1,
    fence=1,
    attempt=1,
    not_before=NOW,
    deadline=NOW + 30 * SECOND,
)
SCHEDULE_S = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


def requested() -> History:
    return given(DECIDER).when(d.RequestDelivery(message=MESSAGE), now=NOW).then(d.DeliveryRequested(message=MESSAGE, work=FIRST))


def failed(attempt: int = 1, *, round_: int = 1, retry_after_ms: int = 0) -> d.ReportDelivery:
    work_id = f"{TENANT}/{AGGREGATE}/tell/-/tell/{round_}"
    return d.ReportDelivery(
        work_id=work_id, attempt=attempt, outcome="failed", status_code=503, error="busy", duration_ms=12, retry_after_ms=retry_after_ms
    )


def delivered(attempt: int = 1, *, round_: int = 1) -> d.ReportDelivery:
    return replace(failed(attempt, round_=round_), outcome="delivered", status_code=204, error="")


def test_the_first_attempt_is_due_at_once_O8() -> None:
    requested()


def test_the_same_match_finds_the_same_delivery_and_leaves_nothing_R9() -> None:
    requested().when(d.RequestDelivery(message=MESSAGE)).then_nothing()


def test_an_accepted_message_is_delivered_O8() -> None:
    requested().when(delivered()).then(d.DeliverySucceeded(work_id=FIRST.work_id, attempt=1, status_code=204, duration_ms=12))


def test_ten_attempts_follow_the_schedule_and_then_it_is_given_up_R10() -> None:
    history, pauses = requested(), [0]
    for attempt in range(1, 10):
        now = history.now + 1
        answer = history.when(failed(attempt), now=now)
        retry = answer.events[0].retry
        pauses.append(retry.not_before - now)
        history = answer.then(d.DeliveryAttemptFailed(status_code=503, error="busy", duration_ms=12, retry=retry))
        assert (retry.work_id, retry.attempt, retry.fence) == (FIRST.work_id, attempt + 1, attempt + 1)

    assert all(due * SECOND <= pause <= 1.1 * due * SECOND for due, pause in zip(SCHEDULE_S, pauses, strict=True))
    assert sum(SCHEDULE_S) == 75 * 3_600 + 35 * 60 + 5
    history.when(failed(10)).then(d.DeliveryFailed(work_id=FIRST.work_id, attempt=10, status_code=503, error="busy", gone=False))


def test_an_endpoint_that_is_gone_is_not_tried_again_R10() -> None:
    gone = replace(failed(), outcome="gone", status_code=410, error="gone")

    requested().when(gone).then(d.DeliveryFailed(work_id=FIRST.work_id, attempt=1, status_code=410, error="gone", gone=True))


@pytest.mark.parametrize(
    ("asked_ms", "pause_us"), [(60_000, 60 * SECOND), (86_400_000, 24 * HOUR), (90_000_000, 24 * HOUR)], ids=["minute", "day", "longer"]
)
def test_retry_after_is_obeyed_up_to_a_day_R10(asked_ms: int, pause_us: int) -> None:
    answer = requested().when(failed(retry_after_ms=asked_ms), now=NOW + SECOND)

    assert answer.events[0].retry.not_before == NOW + SECOND + pause_us
    answer.then_types(d.DeliveryAttemptFailed)


def test_retry_after_never_shortens_the_schedule_R10() -> None:
    history = requested().when(failed(1)).then_something()
    answer = history.when(failed(2, retry_after_ms=1_000))

    assert answer.events[0].retry.not_before >= history.now + 300 * SECOND


def test_a_late_report_of_an_earlier_attempt_is_stale_D2() -> None:
    history = requested().when(failed(1)).then_types(d.DeliveryAttemptFailed)

    history.when(delivered(1)).then_nothing()
    history.when(delivered(2)).then_types(d.DeliverySucceeded)


def test_a_report_to_an_unknown_delivery_leaves_nothing_D1() -> None:
    given(DECIDER).when(delivered()).then_nothing()


@pytest.mark.parametrize("outcome", ["delivered", "gone", "failed"])
def test_a_replay_begins_a_new_round_of_the_same_delivery_O8(outcome: str) -> None:
    history = requested().when(replace(failed(), outcome=outcome)).then_something()

    answer = history.when(d.ReplayDelivery(reason="receiver was down"))
    work = answer.events[0].work
    assert (work.work_id, work.attempt, work.round) == (f"{TENANT}/{AGGREGATE}/tell/-/tell/2", 1, 2)
    assert (work.fence, work.not_before) == (history.state.fence + 1, history.now + SECOND)
    history = answer.then(d.DeliveryReplayed(work=work, reason="receiver was down"))
    history.when(delivered(1, round_=1)).then_nothing()
    history.when(delivered(1, round_=2)).then_types(d.DeliverySucceeded)


def test_a_replay_while_it_is_sent_supersedes_the_attempt_O8() -> None:
    history = requested().when(d.ReplayDelivery()).then_types(d.DeliveryReplayed)

    history.when(delivered()).then_nothing()


def test_a_replay_of_an_unknown_delivery_is_refused_D1() -> None:
    given(DECIDER).when(d.ReplayDelivery()).then_refused("not_found")
