"""What holds slots back, in words, and when time ends it (X12, O22)."""

from typing import Any

from libs.contracts import capacity as c
from libs.domain.capacity import DECIDER
from libs.domain.capacity.explaining import NO_MORE, Holdup, holdup
from libs.testing.given_when_then import HOUR, NOW, SECOND, History, given

WINDOW = c.Interval(begins=NOW + HOUR, ends=NOW + 3 * HOUR)


def capacity(**settings: Any) -> History:
    return given(DECIDER).when(c.SetCapacity(settings=c.CapacitySettings(**settings)), now=NOW).then_something()


def held(history: History, *holders: str) -> History:
    for holder in holders:
        history = history.when(c.AcquireSlot(holder=holder), now=NOW).then_something()
    return history


def test_nothing_holds_back_what_is_open_X12() -> None:
    assert holdup(capacity().state, NOW) == Holdup()
    assert holdup(capacity(windows=(WINDOW,)).state, WINDOW.begins) == Holdup(closes_at=WINDOW.ends)


def test_a_window_that_has_not_opened_X12() -> None:
    assert holdup(capacity(windows=(WINDOW,)).state, NOW) == Holdup("window", "no window is open", WINDOW.begins)
    assert holdup(capacity(windows=(WINDOW,)).state, WINDOW.ends) == Holdup("window", f"no window is open{NO_MORE}")


def test_a_freeze_by_its_name_until_it_is_overridden_X12() -> None:
    freeze = c.Freeze(begins=NOW, ends=NOW + HOUR, label="audit")
    history = capacity(freezes=(freeze,))

    assert holdup(history.state, NOW) == Holdup("freeze", "the freeze 'audit' is on", NOW + HOUR)
    opened = history.when(c.OverrideFreeze(until=NOW + SECOND, reason="agreed"), now=NOW).then_something()
    assert holdup(opened.state, NOW) == Holdup(closes_at=NOW + SECOND)


def test_the_lock_out_before_the_end_X12() -> None:
    found = holdup(capacity(windows=(WINDOW,), lockout_ms=60_000).state, WINDOW.ends - 60 * SECOND)

    assert (found.code, found.opens_at, found.closes_at) == ("lockout", 0, WINDOW.ends)


def test_a_limit_that_is_reached_X12() -> None:
    assert holdup(held(capacity(limit=2), "a", "b").state, NOW) == Holdup("limit", "all 2 slots are held")


def test_a_rate_that_is_used_up_X12() -> None:
    found = holdup(held(capacity(per_minute=2), "a", "b").state, NOW + SECOND)

    assert found == Holdup("rate", "2 slots were granted within the last minute", NOW + 60 * SECOND)
