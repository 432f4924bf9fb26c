"""Slots are granted by limit and by rate, first come first served, and come back (O22)."""

from itertools import pairwise

from msgspec.structs import replace

from libs.contracts import capacity as c
from libs.domain.capacity import DECIDER
from libs.testing.given_when_then import HOUR, NOW, SECOND, History, given

MINUTE = 60 * SECOND


def granted(holder: str, at: int, waited: int = 0, wake_at: int = 0) -> c.SlotGranted:
    return c.SlotGranted(holder=holder, at=at, waited_us=waited, wake_at=wake_at)


def queued(holder: str, since: int, wake_at: int = 0) -> c.SlotQueued:
    return c.SlotQueued(holder=holder, since=since, wake_at=wake_at)


def freed(holder: str, *, held: bool = True, wake_at: int = 0) -> c.SlotFreed:
    return c.SlotFreed(holder=holder, held=held, wake_at=wake_at)


def acquire(holder: str) -> c.AcquireSlot:
    return c.AcquireSlot(holder=holder)


def release(holder: str) -> c.ReleaseSlot:
    return c.ReleaseSlot(holder=holder)


def capacity(limit: int = 0, per_minute: int = 0) -> History:
    return given(DECIDER, c.CapacitySet(settings=c.CapacitySettings(limit=limit, per_minute=per_minute), wake_at=0))


def test_a_capacity_that_was_never_set_grants_at_once_O22() -> None:
    history = given(DECIDER).when(acquire("a"), now=NOW).then(granted("a", NOW))

    history.when(acquire("b"), now=NOW).then(granted("b", NOW))


def test_a_limit_set_later_counts_those_who_hold_already_O22() -> None:
    history = given(DECIDER).when(acquire("a"), now=NOW).then(granted("a", NOW))
    settings = c.CapacitySettings(limit=1)
    limited = history.when(c.SetCapacity(settings=settings)).then(c.CapacitySet(settings=settings, wake_at=0))

    limited.when(acquire("b"), now=NOW + MINUTE).then(queued("b", NOW + MINUTE))


def test_who_comes_first_is_served_first_O22() -> None:
    history = capacity(limit=1).when(acquire("a"), now=NOW).then(granted("a", NOW))
    for n, holder in enumerate("bcd", 1):
        history = history.when(acquire(holder), now=NOW + n * SECOND).then(queued(holder, NOW + n * SECOND))
    for n, (before, after) in enumerate(pairwise(["a", "b", "c", "d"]), 1):
        now = NOW + MINUTE + n * SECOND
        history = history.when(release(before), now=now).then(freed(before), granted(after, now, waited=MINUTE))


def test_asking_again_changes_nothing_O22() -> None:
    history = capacity(limit=1).when(acquire("a")).then_types(c.SlotGranted).when(acquire("b")).then_types(c.SlotQueued)

    history.when(acquire("a")).then_nothing()
    history.when(acquire("b")).then_nothing()
    history.when(release("stranger")).then_nothing()


def test_who_waits_no_longer_leaves_the_queue_O22() -> None:
    history = capacity(limit=1).when(acquire("a"), now=NOW).then_types(c.SlotGranted)
    history = history.when(acquire("b"), now=NOW).then_types(c.SlotQueued).when(acquire("c"), now=NOW).then_types(c.SlotQueued)
    history = history.when(release("b"), now=NOW).then(freed("b", held=False))

    history.when(release("a"), now=NOW + SECOND).then(freed("a"), granted("c", NOW + SECOND, waited=SECOND))


def test_a_name_within_another_name_is_another_holder_O22() -> None:
    history = capacity(limit=2).when(acquire("mig-11")).then_types(c.SlotGranted).when(acquire("mig-1")).then_types(c.SlotGranted)

    history = history.when(release("mig-1")).then(freed("mig-1"))
    history.when(acquire("mig-11")).then_nothing()
    history.when(acquire("1")).then_types(c.SlotGranted)


def test_a_name_of_any_characters_is_kept_whole_O22() -> None:
    names = ["a\nb", "a\tb", "b", "ü", "\\n", " ", "", "😀"]
    history = capacity(limit=1)
    for name in names:
        history = history.when(acquire(name), now=NOW).then_something()
    for before, after in pairwise(names):
        history = history.when(release(before), now=NOW).then(freed(before), granted(after, NOW))
    assert history.state.held == 1


def test_a_higher_limit_lets_in_those_who_wait_O22() -> None:
    history = capacity(limit=1).when(acquire("a")).then_types(c.SlotGranted)
    for holder in "bcd":
        history = history.when(acquire(holder), now=NOW).then_types(c.SlotQueued)
    settings = c.CapacitySettings(limit=3)

    answer = history.when(c.SetCapacity(settings=settings), now=NOW + HOUR)
    history = answer.then(c.CapacitySet(settings=settings, wake_at=0), *(granted(h, NOW + HOUR, waited=HOUR) for h in "bc"))
    history.when(release("a"), now=NOW + HOUR).then(freed("a"), granted("d", NOW + HOUR, waited=HOUR))


def test_a_lower_limit_takes_no_slot_away_and_lets_nobody_follow_O22() -> None:
    history = capacity(limit=3)
    for holder in "abc":
        history = history.when(acquire(holder)).then_types(c.SlotGranted)
    history = history.when(acquire("d"), now=NOW).then_types(c.SlotQueued)
    settings = c.CapacitySettings(limit=1)
    history = history.when(c.SetCapacity(settings=settings), now=NOW).then(c.CapacitySet(settings=settings, wake_at=0))
    for holder in "ab":
        history = history.when(release(holder), now=NOW).then(freed(holder))

    history.when(release("c"), now=NOW).then(freed("c"), granted("d", NOW))


def test_a_rate_spreads_the_starts_over_the_minutes_and_wakes_by_itself_O22() -> None:
    history = capacity(per_minute=2).when(acquire("a"), now=NOW).then(granted("a", NOW))
    history = history.when(acquire("b"), now=NOW + 10 * SECOND).then(granted("b", NOW + 10 * SECOND))
    first, second = NOW + MINUTE, NOW + 70 * SECOND
    history = history.when(acquire("c"), now=NOW + 20 * SECOND).then(queued("c", NOW + 20 * SECOND, wake_at=first))
    history = history.when(acquire("d"), now=NOW + 30 * SECOND).then(queued("d", NOW + 30 * SECOND, wake_at=first))
    history = history.when(release("a"), now=NOW + 40 * SECOND).then(freed("a", wake_at=first))
    history.when(c.WakeCapacity(wake_at=first), now=first - 1).then_nothing()
    history.when(c.WakeCapacity(wake_at=second), now=second).then_nothing()

    history = history.when(c.WakeCapacity(wake_at=first), now=first).then(granted("c", first, waited=40 * SECOND, wake_at=second))
    history.when(c.WakeCapacity(wake_at=second), now=second).then(granted("d", second, waited=40 * SECOND))


def test_a_rate_changed_while_it_runs_holds_from_then_on_O22() -> None:
    history = capacity(per_minute=3)
    for holder in "abc":
        history = history.when(acquire(holder), now=NOW).then_types(c.SlotGranted)
    history = history.when(acquire("d"), now=NOW).then(queued("d", NOW, wake_at=NOW + MINUTE))
    faster, slower = c.CapacitySettings(per_minute=4), c.CapacitySettings(per_minute=1)

    history.when(c.SetCapacity(settings=faster), now=NOW).then(c.CapacitySet(settings=faster, wake_at=0), granted("d", NOW))
    history.when(c.SetCapacity(settings=slower), now=NOW).then(c.CapacitySet(settings=slower, wake_at=NOW + MINUTE))


def test_one_answer_grants_a_hundred_and_a_wake_goes_on_D6() -> None:
    history = capacity(limit=1).when(acquire("first"), now=NOW).then_types(c.SlotGranted)
    for n in range(250):
        history = history.when(acquire(f"mig-{n}"), now=NOW).then_types(c.SlotQueued)

    history = history.when(c.SetCapacity(settings=c.CapacitySettings()), now=NOW).then_types(c.CapacitySet, *[c.SlotGranted] * 100)
    assert history.state.wake_at == NOW + 1
    history = history.when(c.WakeCapacity(wake_at=NOW + 1), now=NOW + 1).then_types(*[c.SlotGranted] * 100)
    history = history.when(c.WakeCapacity(wake_at=NOW + 2), now=NOW + 5).then_types(*[c.SlotGranted] * 50)
    assert (history.state.held, history.state.queued, history.state.wake_at) == (251, 0, 0)


def test_beyond_five_thousand_even_waiting_is_refused_D6() -> None:
    full = replace(capacity(limit=1).state, held=1, holders=b"\nmig\n", queued=4_999, queue=b"\nx\t1\n")
    history = History(DECIDER, full, NOW)

    assert history.when(acquire("late"), now=NOW).events == [c.SlotRefused(holder="late", retry_at=NOW + MINUTE)]
    assert capacity().when(acquire("m" * 257), now=NOW).events == [c.SlotRefused(holder="m" * 257, retry_at=NOW + MINUTE)]
