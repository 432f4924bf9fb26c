"""A migration begins only when its wave has admitted it and it holds all its slots (I20), and gives them back (I21, O22)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.rewinding import RewindCompleted
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import SECOND, History, given
from libs.testing.migrations import (
    REQUEST,
    act,
    after_steps,
    approval,
    check,
    failed,
    final,
    pause_of,
    planned,
    requested,
    started,
    step_done,
    succeeded,
    undone,
)

A, B, RATE = "calendar/prod", "limit/host=esx-1", "rate/starts"
BOTH = (B, A)
FROZEN = "the freeze 'year-end close' is on"


def take(capacity: str, turn: int = 1) -> g.TakeSlot:
    return g.TakeSlot(capacity=capacity, turn=turn)


def lose(capacity: str, turn: int = 1, retry_at: int = 0) -> g.LoseSlot:
    return g.LoseSlot(capacity=capacity, turn=turn, reason=FROZEN, retry_at=retry_at)


def asked(capacity: str, turn: int = 1, reason: str = "") -> g.SlotRequested:
    return g.SlotRequested(capacity=capacity, turn=turn, reason=reason)


def taken(capacity: str, turn: int = 1) -> g.SlotTaken:
    return g.SlotTaken(capacity=capacity, turn=turn)


def lost(capacity: str, turn: int = 1, retry_at: int = 0) -> g.SlotLost:
    return g.SlotLost(capacity=capacity, turn=turn, reason=FROZEN, retry_at=retry_at)


def released(*capacities: str, turn: int = 1) -> g.SlotsReleased:
    return g.SlotsReleased(capacities=capacities, turn=turn)


def running(*steps: Any, **settings: Any) -> History:
    """A migration that holds both slots and runs its first step."""
    history = started(*steps or (act("copy"), act("switch")), limits=BOTH, **settings)
    return history.when(take(A)).then_something().when(take(B)).then_something()


def slots_of(history: History) -> tuple[str, ...]:
    slots: tuple[str, ...] = history.state.gates.slots
    return slots


# --- slots before the first step ------------------------------------------------------------------------------------


def test_slots_are_asked_for_one_after_the_other_in_the_order_of_their_ids_I20() -> None:
    history = requested(limits=BOTH).when(planned(act("copy"))).then_types(e.MigrationPlanned, g.SlotRequested)
    assert (history.state.status, history.state.gates.at, slots_of(history)) == ("waiting", "slot", (A,))

    history = history.when(take(A)).then(taken(A), asked(B))
    history.when(take(B)).then_types(g.SlotTaken, e.WorkDispatched)


def test_a_capacity_named_twice_is_asked_once_I20() -> None:
    started(act("copy"), limits=(A, A)).when(take(A)).then_types(g.SlotTaken, e.WorkDispatched)


def test_an_answer_to_another_question_is_stale_I20() -> None:
    history = started(act("copy"), limits=BOTH)

    for stale in (take(B), take(A, turn=0), take(A, turn=2), lose(B), lose(A, turn=0)):
        history.when(stale).then_nothing()
    history.when(take(A)).then_something().when(take(A)).then_nothing()


def test_a_slot_lost_before_it_begins_gives_back_the_others_and_asks_again_from_the_first_I20() -> None:
    history = started(act("copy"), limits=(A, B, RATE)).when(take(A)).then_something().when(take(B)).then_something()

    history.when(lose(A)).then(lost(A), released(B, RATE), asked(A, turn=2)).when(take(RATE)).then_nothing()


def test_without_room_to_wait_it_asks_again_at_the_time_it_is_told_I20() -> None:
    history = started(act("copy"), limits=BOTH).when(take(A)).then_something()
    later = history.now + 60 * SECOND

    history = history.when(lose(B, retry_at=later)).then(lost(B, retry_at=later), released(A))
    assert (history.state.wake_at, history.state.gates.at) == (later, "slot")
    history.when(c.WakeMigration(wake_at=later), now=later - 1).then_nothing()
    history.when(c.WakeMigration(wake_at=later), now=later).then(asked(A, turn=2))


@pytest.mark.parametrize("wish", [c.CancelMigration(reason="x"), c.RollBackMigration(reason="x")])
def test_one_that_waits_for_a_slot_ends_at_once_and_is_forgotten_there_I21(wish: Any) -> None:
    answer = started(act("copy"), limits=BOTH).when(take(A)).then_something().when(wish)

    assert answer.events[1:3] == [released(A, B), e.RollbackStarted(intent=answer.events[2].intent, steps=())]
    assert slots_of(answer.then_something()) == ()


@pytest.mark.parametrize("limits", [tuple(f"limit/{n}" for n in range(33)), ("limit/a", "")])
def test_limits_are_few_and_have_names(limits: tuple[str, ...]) -> None:
    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, limits=limits))).then_refused("invalid_limits")


# --- slots while it runs --------------------------------------------------------------------------------------------


def test_a_slot_lost_while_it_runs_pauses_it_until_all_are_held_again_I20() -> None:
    history = running().when(lose(B)).then(lost(B), released(A), e.MigrationPaused(reason=FROZEN), asked(A, turn=2))
    assert (history.state.mode, history.state.status) == ("paused", "waiting")

    history = history.when(succeeded(0)).then(step_done(0, "copy")).when(take(A, 2)).then(taken(A, 2), asked(B, 2))
    resumed = e.MigrationResumed(reason="every slot is held", phase="replicating")
    answer = history.when(take(B, 2))
    assert answer.events[:2] == [taken(B, 2), resumed]
    answer.then_types(g.SlotTaken, e.MigrationResumed, e.WorkDispatched)


def test_what_is_still_in_flight_is_not_started_twice_after_the_slots_came_back_I20() -> None:
    history = running().when(lose(A)).then_something().when(take(A, 2)).then_something()

    history.when(take(B, 2)).then_types(g.SlotTaken, e.MigrationResumed)


def test_past_the_point_of_no_return_it_goes_on_without_I14_I20() -> None:
    running(final("switch"), check("compare")).when(lose(A)).then_nothing().when(succeeded(0)).then_types(e.StepSucceeded, e.WorkDispatched)


def test_on_the_way_back_no_slot_is_needed_I20() -> None:
    history = running().when(c.RollBackMigration(reason="x")).then_types(e.StopRequested)

    history.when(lose(A)).then_nothing()


def test_a_lost_slot_does_not_end_a_wait_I20() -> None:
    history = running(pause_of("soak", 60_000), act("switch"))
    until = history.state.wake_at

    history = history.when(lose(A)).then_something()
    later = history.now + 90 * SECOND
    history = history.when(lose(A, 2, retry_at=later)).then(lost(A, 2, retry_at=later))
    assert history.state.wake_at == until
    history = history.when(c.WakeMigration(wake_at=until), now=until).then_types(e.StepSucceeded)
    assert history.state.wake_at == later
    history.when(c.WakeMigration(wake_at=later), now=later).then(asked(A, 3))


def test_asking_again_leaves_a_longer_wait_as_it_is_I20() -> None:
    history = running(pause_of("soak", 600_000), act("switch"))
    until = history.state.wake_at
    history = history.when(lose(A)).then_something()
    soon = history.now + 30 * SECOND

    history = history.when(lose(A, 2, retry_at=soon)).then_something()
    assert history.state.wake_at == soon
    assert history.when(c.WakeMigration(wake_at=soon), now=soon).then(asked(A, 3)).state.wake_at == until


# --- slots given back -----------------------------------------------------------------------------------------------


def test_slots_are_given_back_before_it_completes_I21() -> None:
    history = after_steps(running(), 1)

    history.when(succeeded(1)).then(step_done(1, "switch"), released(A, B), e.MigrationCompleted(steps=2))


def test_slots_are_kept_while_it_goes_back_and_given_back_at_the_end_I21() -> None:
    history = running(act("copy")).when(failed(0)).then_types(e.StepFailed, e.StopRequested, e.RollbackStarted, e.WorkDispatched)
    assert slots_of(history) == (A, B)

    history.when(succeeded(0, "undo")).then(
        undone(0, "copy"), released(A, B), e.MigrationRolledBack(reason=history.state.reason, skipped=0)
    )


def test_slots_are_given_back_while_it_is_held_and_asked_for_before_it_tries_again_I20_I21() -> None:
    history = running(on_failure="hold").when(failed(0)).then_types(e.StepFailed, g.SlotsReleased)

    history = history.when(c.RetryMigration(reason="disk grown")).then(e.RetryRequested(reason="disk grown"), asked(A, 2))
    history.when(c.RetryMigration(reason="now")).then_refused("not_possible_now")
    history = history.when(take(A, 2)).then_something().when(take(B, 2)).then_types(g.SlotTaken, e.WorkDispatched)
    assert history.state.pending[0].attempt == 2


def test_slots_are_given_back_while_its_rollback_is_stuck_and_undoing_needs_none_I21() -> None:
    history = running(act("copy")).when(failed(0)).then_something().when(failed(0, "undo")).then_types(e.RollbackStuck, g.SlotsReleased)

    history.when(c.RetryMigration()).then_types(e.RetryRequested, e.WorkDispatched)


def test_slots_are_given_back_by_a_pause_and_asked_for_before_it_resumes_I20_I21() -> None:
    history = running().when(c.PauseMigration(reason="lunch")).then(e.MigrationPaused(reason="lunch"), released(A, B))
    history.when(take(A, 2)).then_nothing()

    history = history.when(c.ResumeMigration(reason="fed")).then(asked(A, 2, reason="fed"))
    history.when(c.ResumeMigration(reason="now")).then_refused("not_possible_now")
    history = history.when(take(A, 2)).then_something().when(take(B, 2)).then_types(g.SlotTaken, e.MigrationResumed)
    assert history.state.mode == "running"


def test_a_persons_pause_is_not_ended_by_slots_I20() -> None:
    history = running().when(lose(A)).then_something()

    history = history.when(c.PauseMigration(reason="lunch")).then(e.MigrationPaused(reason="lunch"), released(A, turn=2))
    history.when(take(A, 2)).then_nothing()
    assert history.state.status == "paused"


def test_going_back_to_an_earlier_step_asks_for_the_slots_before_it_goes_forward_again_I20() -> None:
    history = after_steps(running(), 1).when(c.RetryMigration(from_step="copy")).then_something()
    history = history.when(succeeded(1)).then_something().when(succeeded(1, "undo")).then_something()

    history = history.when(succeeded(0, "undo")).then(undone(0, "copy"), RewindCompleted(step=0, round=2), released(A, B), asked(A, turn=2))
    history.when(take(A, 2)).then_something().when(take(B, 2)).then_types(g.SlotTaken, e.WorkDispatched)


def test_an_approval_can_be_given_while_slots_are_missing_I20() -> None:
    history = running(approval("sign_off"), act("switch")).when(lose(A)).then_something()

    history = history.when(c.ApproveMigration(reason="yes")).then_types(e.ApprovalGiven, e.StepSucceeded)
    history.when(take(A, 2)).then_something().when(take(B, 2)).then_types(g.SlotTaken, e.MigrationResumed, e.WorkDispatched)


# --- admission ------------------------------------------------------------------------------------------------------


def waiting(**settings: Any) -> History:
    """A member of a wave that is planned."""
    return started(act("copy"), wave="w1", **settings)


def admit(turn: int = 1, *, limits: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> g.AdmitMigration:
    return g.AdmitMigration(turn=turn, limits=limits, after=after)


def test_a_member_of_a_wave_begins_when_it_is_admitted_I20() -> None:
    history = requested(wave="w1").when(planned(act("copy"))).then_types(e.MigrationPlanned, g.AdmissionAwaited)
    assert (history.state.status, history.state.gates.at) == ("waiting", "admission")

    history.when(admit()).then_types(g.MigrationAdmitted, e.WorkDispatched).when(admit(2)).then_nothing()


def test_an_admission_that_comes_before_it_is_planned_leaves_nothing_I20() -> None:
    requested(wave="w1").when(admit()).then_nothing()


def test_the_waves_limits_are_added_to_its_own_I20() -> None:
    history = waiting(limits=(B,)).when(admit(limits=(RATE, A))).then(g.MigrationAdmitted(limits=(A, RATE)), asked(A))

    assert history.state.gates.limits == (A, B, RATE)


def test_it_declines_while_the_wave_does_not_know_everything_it_depends_on_I20() -> None:
    history = waiting(depends_on=("mig-1", "mig-2"))

    history = history.when(admit(after=("mig-2",))).then(g.AdmissionDeclined(wave="w1", turn=1, undeclared=("mig-1",)))
    history.when(admit(after=("mig-2", "mig-1"))).then_nothing()
    history.when(admit(2, after=("mig-2", "mig-1", "mig-9"))).then_types(g.MigrationAdmitted, e.WorkDispatched)


def test_one_paused_before_its_admission_is_admitted_and_begins_when_it_is_resumed_I20() -> None:
    history = waiting(limits=(A,)).when(c.PauseMigration(reason="lunch")).then(e.MigrationPaused(reason="lunch"))

    history = history.when(admit()).then(g.MigrationAdmitted(limits=()))
    history.when(c.ResumeMigration()).then(asked(A)).when(take(A)).then_types(g.SlotTaken, e.MigrationResumed, e.WorkDispatched)


def test_one_resumed_before_its_admission_waits_on_I20() -> None:
    history = waiting().when(c.PauseMigration(reason="lunch")).then_something()

    history = history.when(c.ResumeMigration(reason="fed")).then(e.MigrationResumed(reason="fed", phase="waiting"))
    history.when(admit()).then_types(g.MigrationAdmitted, e.WorkDispatched)


def test_one_sent_back_to_its_first_step_before_its_admission_waits_on_I20() -> None:
    answer = waiting().when(c.RetryMigration(from_step="copy"))

    answer.then_types(e.StopRequested, e.RollbackStarted, RewindCompleted, g.AdmissionAwaited)


def test_one_that_waits_for_its_admission_can_be_cancelled() -> None:
    history = waiting().when(c.CancelMigration(reason="x")).then_types(e.StopRequested, e.RollbackStarted, e.MigrationCancelled)

    history.when(admit()).then_nothing()
