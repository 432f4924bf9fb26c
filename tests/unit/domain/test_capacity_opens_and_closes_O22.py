"""Windows, freezes and lock-outs open and close a capacity by themselves; a person may override them with a reason (O22)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts import capacity as c
from libs.contracts.values import END_OF_TIME
from libs.domain.capacity import DECIDER
from libs.testing.given_when_then import HOUR, NOW, SECOND, History, given

OPENS, CLOSES, AGAIN = NOW + HOUR, NOW + 3 * HOUR, NOW + 24 * HOUR
WINDOWS = (c.Interval(begins=AGAIN, ends=AGAIN + HOUR), c.Interval(begins=OPENS, ends=CLOSES))
FREEZE = c.Freeze(begins=OPENS, ends=CLOSES, label="year-end close")


def capacity(**settings: Any) -> History:
    wished = c.CapacitySettings(**settings)
    return given(DECIDER).when(c.SetCapacity(settings=wished), now=NOW).then(c.CapacitySet(settings=wished, wake_at=0))


def acquire(history: History, holder: str, now: int) -> Any:
    return history.when(c.AcquireSlot(holder=holder), now=now)


def granted(holder: str, at: int, waited: int = 0, wake_at: int = 0) -> c.SlotGranted:
    return c.SlotGranted(holder=holder, at=at, waited_us=waited, wake_at=wake_at)


def queued(holder: str, since: int, wake_at: int) -> c.SlotQueued:
    return c.SlotQueued(holder=holder, since=since, wake_at=wake_at)


def revoked(holder: str, reason: str, wake_at: int) -> c.SlotRevoked:
    return c.SlotRevoked(holder=holder, reason=reason, wake_at=wake_at)


def wake(history: History, at: int, late: int = 0) -> Any:
    return history.when(c.WakeCapacity(wake_at=at), now=at + late)


def test_it_waits_for_the_window_and_is_granted_when_it_opens_O22() -> None:
    history = acquire(capacity(windows=WINDOWS), "a", NOW).then(queued("a", NOW, OPENS))

    wake(history, OPENS).then(granted("a", OPENS, waited=HOUR))


def test_the_last_slot_is_granted_before_the_lock_out_O22() -> None:
    history = capacity(windows=WINDOWS, lockout_ms=600_000)
    last = CLOSES - 600 * SECOND

    acquire(history, "a", last - 1).then(granted("a", last - 1))
    acquire(history, "a", last).then(queued("a", last, AGAIN))


def test_a_freeze_holds_back_where_there_are_no_windows_and_locks_out_before_it_begins_O22() -> None:
    history = capacity(freezes=(FREEZE,), lockout_ms=600_000)

    acquire(history, "a", OPENS - 601 * SECOND).then_types(c.SlotGranted)
    acquire(history, "a", OPENS - 600 * SECOND).then_types(c.SlotQueued)
    acquire(history, "a", OPENS).then(queued("a", OPENS, CLOSES))
    acquire(history, "a", CLOSES).then(granted("a", CLOSES))


def test_a_freeze_holds_back_inside_a_window_O22() -> None:
    freeze = c.Freeze(begins=OPENS + HOUR, ends=CLOSES - HOUR // 2)
    history = capacity(windows=WINDOWS[1:], freezes=(freeze, replace(freeze, ends=OPENS + HOUR + SECOND)))

    acquire(history, "a", OPENS + HOUR).then(queued("a", OPENS + HOUR, CLOSES - HOUR // 2))
    acquire(history, "a", OPENS + HOUR - 1).then(granted("a", OPENS + HOUR - 1))
    acquire(history, "a", CLOSES).then(queued("a", CLOSES, 0))


def test_windows_that_touch_or_overlap_are_one_and_the_lock_out_counts_at_its_end_O22() -> None:
    halves = (c.Interval(begins=OPENS, ends=OPENS + HOUR), c.Interval(begins=OPENS + HOUR, ends=CLOSES), WINDOWS[1])

    acquire(capacity(windows=halves, lockout_ms=600_000), "a", OPENS + HOUR - 1).then_types(c.SlotGranted)


@pytest.mark.parametrize(("by", "reason"), [("windows", "no window is open"), ("freezes", "the freeze 'year-end close' is on")])
def test_holders_lose_their_slots_when_it_closes_and_the_settings_say_so_O22(by: str, reason: str) -> None:
    shut = {"windows": (WINDOWS[1],)} if by == "windows" else {"freezes": (replace(FREEZE, begins=CLOSES, ends=AGAIN),)}
    history = capacity(on_close="pause", limit=2, **shut)
    for holder in "ab":
        history = acquire(history, holder, OPENS).then(granted(holder, OPENS, wake_at=CLOSES))
    history = acquire(history, "c", OPENS).then(queued("c", OPENS, CLOSES))
    again = AGAIN if by == "freezes" else 0

    wake(history, CLOSES).then(revoked("a", reason, again), revoked("b", reason, again))


def test_holders_go_on_when_it_closes_unless_the_settings_say_otherwise_O22() -> None:
    acquire(capacity(windows=WINDOWS), "a", OPENS).then(granted("a", OPENS, wake_at=0))


def test_a_freeze_that_is_set_while_migrations_run_takes_their_slots_at_once_O22() -> None:
    history = acquire(capacity(limit=2), "a", OPENS).then_types(c.SlotGranted)
    settings = c.CapacitySettings(on_close="pause", freezes=(FREEZE,))

    answer = history.when(c.SetCapacity(settings=settings), now=OPENS + SECOND)
    answer.then(c.CapacitySet(settings=settings, wake_at=0), revoked("a", "the freeze 'year-end close' is on", 0))


def test_one_answer_takes_a_hundred_slots_away_and_a_wake_goes_on_D6() -> None:
    history = capacity(on_close="pause", windows=WINDOWS)
    for n in range(150):
        history = acquire(history, f"mig-{n}", OPENS).then_types(c.SlotGranted)

    history = wake(history, CLOSES).then_types(*[c.SlotRevoked] * 100)
    assert (history.state.held, history.state.wake_at) == (50, CLOSES + 1)
    wake(history, CLOSES + 1).then_types(*[c.SlotRevoked] * 50)


def test_an_override_opens_a_freeze_until_its_end_and_no_longer_O22() -> None:
    until = OPENS + HOUR
    history = acquire(capacity(on_close="pause", limit=1, freezes=(FREEZE,)), "a", OPENS).then(queued("a", OPENS, CLOSES))
    answer = history.when(c.OverrideFreeze(until=until, reason="agreed"), now=OPENS)
    history = answer.then(c.FreezeOverridden(until=until, reason="agreed", wake_at=until), granted("a", OPENS, wake_at=until))
    acquire(history, "b", OPENS).then(queued("b", OPENS, until))

    history = wake(history, until).then(revoked("a", "the freeze 'year-end close' is on", 0))
    acquire(history, "b", until).then(queued("b", until, CLOSES))


def test_an_override_that_reaches_into_open_time_ends_unnoticed_O22() -> None:
    history = capacity(on_close="pause", freezes=(FREEZE,)).when(c.OverrideFreeze(until=CLOSES + HOUR, reason="agreed"), now=OPENS)

    acquire(history.then_something(), "a", OPENS).then(granted("a", OPENS, wake_at=0))


def test_an_override_is_taken_back_O22() -> None:
    history = capacity(on_close="pause", freezes=(FREEZE,)).when(c.OverrideFreeze(until=CLOSES, reason="agreed"), now=OPENS)
    history = acquire(history.then_something(), "a", OPENS).then_types(c.SlotGranted)
    back = c.OverrideFreeze(until=0, reason="finance called")

    history = history.when(back, now=OPENS + SECOND).then(
        c.FreezeOverridden(until=0, reason="finance called", wake_at=0), revoked("a", "the freeze 'year-end close' is on", 0)
    )
    history.when(back, now=OPENS + SECOND).then_refused("not_possible_now")


def test_an_override_needs_something_to_override_a_reason_and_a_time_ahead_O22() -> None:
    frozen = capacity(freezes=(FREEZE,))
    given(DECIDER).when(c.OverrideFreeze(until=AGAIN, reason="now")).then_refused("nothing_to_override")
    capacity(limit=1).when(c.OverrideFreeze(until=AGAIN, reason="now")).then_refused("nothing_to_override")

    frozen.when(c.OverrideFreeze(until=AGAIN, reason=" ")).then_refused("reason_missing")
    frozen.when(c.OverrideFreeze(until=OPENS, reason="now"), now=OPENS).then_refused("until_not_ahead")
    frozen.when(c.OverrideFreeze(until=1 << 60, reason="now")).then_refused("until_not_ahead")


def test_woken_after_the_window_has_closed_again_it_asks_for_the_next_one_D8() -> None:
    history = acquire(capacity(windows=WINDOWS), "a", NOW).then_types(c.SlotQueued)

    history = wake(history, OPENS, late=CLOSES - OPENS).then(c.OpeningMissed(wake_at=AGAIN))
    wake(history, AGAIN).then(granted("a", AGAIN, waited=24 * HOUR))


def test_whoever_comes_before_the_wake_brings_it_about_too_D8() -> None:
    history = acquire(capacity(windows=WINDOWS), "a", NOW).then(queued("a", NOW, OPENS))

    history = acquire(history, "b", OPENS).then(queued("b", OPENS, 0), granted("a", OPENS, waited=HOUR), granted("b", OPENS))
    wake(history, OPENS).then_nothing()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", -1),
        ("limit", 5_001),
        ("per_minute", -1),
        ("per_minute", 6_001),
        ("lockout_ms", -1),
        ("lockout_ms", 32 * 86_400_000),
        ("on_close", "kill"),
        ("windows", (c.Interval(begins=5, ends=5),)),
        ("windows", (c.Interval(begins=-5, ends=5),)),
        ("windows", (c.Interval(begins=5, ends=1 << 60),)),
        ("windows", (c.Interval(begins=5, ends=END_OF_TIME),)),
        ("windows", WINDOWS * 501),
        ("freezes", (replace(FREEZE, ends=FREEZE.begins - 1),)),
        ("freezes", (FREEZE,) * 1_001),
        ("freezes", (replace(FREEZE, label="x" * 201),)),
        ("description", "x" * 4_001),
        ("windows_from", "x" * 4_001),
    ],
)
def test_settings_that_cannot_hold_are_refused_with_the_name_of_the_field_O22(field: str, value: object) -> None:
    wished = c.SetCapacity(settings=replace(c.CapacitySettings(), **{field: value}))
    answer = given(DECIDER).when(wished)

    assert field in answer.events[0].message
    answer.then_refused("invalid_settings")


def test_settings_under_which_no_slot_is_ever_granted_are_refused_O22() -> None:
    hour = 3_600_000
    for settings in (
        c.CapacitySettings(windows=WINDOWS, lockout_ms=2 * hour),
        c.CapacitySettings(windows=WINDOWS[1:], freezes=(FREEZE,)),
    ):
        given(DECIDER).when(c.SetCapacity(settings=settings)).then_refused("invalid_settings")


@pytest.mark.parametrize(
    ("begins", "again"),
    [(NOW + 20 * 60 * SECOND, NOW + 20 * 60 * SECOND), (NOW + SECOND, NOW + 60 * SECOND), (NOW + 90 * HOUR, NOW + HOUR)],
    ids=["once it opens", "a minute at least", "an hour at most"],
)
def test_whoever_finds_no_room_to_wait_asks_again_when_it_may_help_D6(begins: int, again: int) -> None:
    history = capacity(windows=(c.Interval(begins=begins, ends=begins + HOUR),))
    full = replace(history.state, queued=5_000, queue=b"\nx\t1\n")

    assert acquire(History(DECIDER, full, NOW), "late", NOW).events == [c.SlotRefused(holder="late", retry_at=again)]
