"""What reported nothing in time counts as unknown, and is looked at before it is undone."""

from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Step
from libs.contracts.work import CHECK, UNDO
from libs.testing.given_when_then import NOW, SECOND, History
from libs.testing.migrations import GRACE, act, check, dispatched, failed, started, succeeded, work, work_id

SETTLE = NOW + 301 * SECOND + GRACE
WAKE = c.WakeMigration(wake_at=SETTLE)


def silent(*steps: Step, **settings: str) -> History:
    return started(*steps, **settings).when(c.CancelMigration(reason="enough")).then_types(e.StopRequested)


def looking() -> History:
    return (
        silent(act("copy"))
        .when(WAKE, now=SETTLE)
        .then(
            e.WorkSettled(work_id=work_id(0), step=0, name="copy", outcome="unknown"),
            dispatched(work(0, CHECK, now=SETTLE, fence=3), "copy", "stopping"),
        )
    )


def test_an_act_that_reported_nothing_is_looked_at_first_D5() -> None:
    looking()


def test_after_the_look_it_is_undone_D5() -> None:
    looking().when(succeeded(0, CHECK)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_a_late_report_of_the_act_itself_is_stale_D2() -> None:
    looking().when(succeeded(0)).then_nothing()


def test_a_look_that_fails_for_a_while_is_tried_again_D5() -> None:
    looking().when(failed(0, CHECK, retryable=True)).then_types(e.AttemptFailed)


def test_a_look_that_fails_for_good_does_not_keep_the_act_from_being_undone_D5() -> None:
    answer = looking().when(failed(0, CHECK))

    assert answer.events[0].outcome == "unknown"
    answer.then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_a_look_that_reports_nothing_does_not_keep_it_either_D5() -> None:
    history = looking()
    late = SETTLE + 300 * SECOND + GRACE

    answer = history.when(c.WakeMigration(wake_at=late), now=late)
    assert answer.events[-1].work.direction == UNDO
    answer.then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_a_repeated_look_gets_its_own_time_to_report_D5() -> None:
    history = looking().when(failed(0, CHECK, retryable=True)).then_types(e.AttemptFailed)
    first = SETTLE + 300 * SECOND + GRACE

    history.when(c.WakeMigration(wake_at=first), now=first).then_nothing()


def test_a_check_that_reported_nothing_is_not_looked_at_D5() -> None:
    silent(check("compare")).when(WAKE, now=SETTLE).then_types(e.WorkSettled, e.RollbackStarted, e.MigrationCancelled)


def test_silent_chunks_are_looked_at_once_for_the_step_D5() -> None:
    history = silent(act("copy", chunks=9, window=3)).when(succeeded(0, chunk=1)).then_types(e.WorkSettled)

    history.when(WAKE, now=SETTLE).then_types(e.WorkSettled, e.WorkSettled, e.WorkDispatched)


def test_nothing_counts_as_unknown_before_its_time_D8() -> None:
    silent(act("copy")).when(WAKE, now=SETTLE - 1).then_nothing()


def test_a_worker_may_itself_report_unknown_D5() -> None:
    silent(act("copy")).when(replace(succeeded(0), outcome="unknown")).then_types(e.WorkSettled, e.WorkDispatched)
