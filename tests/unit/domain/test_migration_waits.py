"""A wait for time ends by the wake that its state asked for, and by no other."""

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import act, after_steps, pause_of, planned, requested, started

UNTIL = NOW + 61 * SECOND
WAKE = c.WakeMigration(wake_at=UNTIL)


def test_a_wait_says_until_when_D8() -> None:
    nap = pause_of("soak", 60_000)

    requested().when(planned(nap)).then(e.MigrationPlanned(plan=planned(nap).plan), e.WaitStarted(step=0, name="soak", until=UNTIL))


def test_the_wake_ends_it_D8() -> None:
    started(pause_of("soak", 60_000), act("switch")).when(WAKE, now=UNTIL).then_types(e.StepSucceeded, e.WorkDispatched)


def test_a_wake_before_its_time_says_nothing_D8() -> None:
    started(pause_of("soak", 60_000)).when(WAKE, now=UNTIL - 1).then_nothing()


def test_a_wake_for_another_time_says_nothing_D8() -> None:
    started(pause_of("soak", 60_000)).when(c.WakeMigration(wake_at=UNTIL - 1), now=UNTIL).then_nothing()


def test_a_wake_of_an_earlier_wait_does_not_end_the_next_one_D8() -> None:
    history = started(pause_of("soak", 60_000), pause_of("soak_again", 1)).when(WAKE, now=UNTIL)
    second = history.then_types(e.StepSucceeded, e.WaitStarted)

    second.when(WAKE, now=UNTIL + 60 * SECOND).then_nothing()
    second.when(c.WakeMigration(wake_at=UNTIL + 1_000), now=UNTIL + 1_000).then_types(e.StepSucceeded, e.MigrationCompleted)


def test_who_does_not_wait_is_not_woken_D8() -> None:
    started(act("copy")).when(c.WakeMigration(wake_at=0)).then_nothing()
    requested().when(WAKE, now=UNTIL).then_nothing()


def test_a_wait_can_be_cancelled_O10() -> None:
    history = started(act("copy"), pause_of("soak", 60_000))
    stopped = (
        after_steps(history, 1).when(c.CancelMigration(reason="enough")).then_types(e.StopRequested, e.RollbackStarted, e.WorkDispatched)
    )
    stopped.when(c.WakeMigration(wake_at=NOW + 62 * SECOND), now=NOW + 62 * SECOND).then_nothing()
