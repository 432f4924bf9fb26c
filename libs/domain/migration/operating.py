"""Decisions on what people ask for: pause, resume, cancel, roll back, retry, skip. Refused where the state forbids it."""

from typing import Any

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.rewinding import RewindOverruled
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Context
from libs.domain.migration.archiving import ARCHIVED, ENDED
from libs.domain.migration.evolving import CHECKING, GOING_BACK, HELD, NEW, PAUSED, RETRY, RUNNING, STUCK, evolve, plan_from
from libs.domain.migration.gates import ADMISSION, asking, first_slot, of
from libs.domain.migration.going_back import stop, undo_next
from libs.domain.migration.going_forward import carry_on, phase_of
from libs.domain.migration.passing import try_again

Events = list[Any]


def refuse(command: Any, code: str, message: str) -> Events:
    """Answer a client's command that cannot be carried out."""
    return [CommandRefused(command=type(command).__name__, code=code, message=message)]


def not_now(state: State, command: Any, allowed: str) -> Events:
    """Answer a client's command that this state forbids; `allowed` says in which states it is possible."""
    if state.mode == NEW:
        return refuse(command, "not_found", "there is no such migration")
    if state.mode == ARCHIVED:
        return refuse(command, "archived", "the migration has ended and was archived; nothing moves it any more, its history can be read")
    if state.mode == ENDED:
        return refuse(command, "ended", f"the migration has ended as {state.status}; nothing moves it any more")
    return refuse(command, "not_possible_now", f"the migration is {state.status}; this is possible only while it is {allowed}")


def _rewinds(state: State, *intents: str) -> bool:
    """Whether it goes back to a step, with one of these intents."""
    return state.mode in GOING_BACK and state.intent in intents


def pause(state: State, command: c.PauseMigration, ctx: Context) -> Events:
    """Start nothing further; what is in flight finishes. One that waits for its slots to resume by itself no longer will.

    One that goes back to a step stays there.
    """
    if _rewinds(state, RETRY):
        return [RewindOverruled(intent=PAUSED, reason=command.reason)]
    if state.mode != RUNNING and not (state.mode == PAUSED and asking(state)):
        return not_now(state, command, "running")
    return [e.MigrationPaused(reason=command.reason)]


def resume(state: State, command: c.ResumeMigration, ctx: Context) -> Events:
    """Go on where the pause began; with limits, once every slot is held again."""
    if _rewinds(state, PAUSED):
        return [RewindOverruled(intent=RETRY, reason=command.reason)]
    if state.mode != PAUSED:
        return not_now(state, command, "paused")
    if asking(state):
        return refuse(command, "not_possible_now", "the migration waits for its slots, and resumes by itself once it holds them")
    if of(state).limits and of(state).at != ADMISSION:
        return [first_slot(state, command.reason)]
    resumed = e.MigrationResumed(reason=command.reason, phase=phase_of(state))
    if of(state).at == ADMISSION:
        return [resumed]
    return [resumed, *carry_on(evolve(state, resumed), ctx)]


def cancel(state: State, command: c.CancelMigration, ctx: Context) -> Events:
    """End it; undo what was dispatched."""
    if state.mode == CHECKING:
        return [e.MigrationCancelled(reason=command.reason, skipped=0)]
    return go_back(state, command, ctx, intent="cancelled", code="cancelled")


def roll_back(state: State, command: c.RollBackMigration, ctx: Context) -> Events:
    """Undo what was dispatched and end as rolled back."""
    return go_back(state, command, ctx, intent="rolled_back", code="operator")


def go_back(state: State, command: Any, ctx: Context, *, intent: str, code: str, to_step: int = 0) -> Events:
    """Begin to go back, where that is possible; one that goes back to a step goes on to the first instead."""
    if intent != RETRY and _rewinds(state, RETRY, PAUSED):
        return [RewindOverruled(intent=intent, reason=command.reason)]
    if state.mode not in (RUNNING, PAUSED, HELD):
        return not_now(state, command, "running, paused or failed")
    if state.crossed:
        return refuse(command, "past_point_of_no_return", "the point of no return is crossed; the migration can only go forward")
    return stop(state, ctx, intent=intent, reason=command.reason, code=code, to_step=to_step)


def retry(state: State, command: c.RetryMigration, ctx: Context) -> Events:
    """Try once more what failed or is stuck, or go back to an earlier step and forward again from there."""
    if command.from_step:
        return _retry_from(state, command, ctx)
    if state.mode not in (HELD, STUCK):
        return not_now(state, command, "failed or rollback_stuck")
    if asking(state):
        return refuse(command, "not_possible_now", "the migration waits for its slots, and tries again by itself once it holds them")
    requested = e.RetryRequested(reason=command.reason)
    if of(state).limits and state.mode == HELD:
        return [requested, first_slot(state)]
    return [requested, *try_again(state, ctx)]


def _retry_from(state: State, command: c.RetryMigration, ctx: Context) -> Events:
    steps = plan_from(state.plan).steps if state.plan else ()
    index = next((i for i, step in enumerate(steps) if step.name == command.from_step), -1)
    if state.plan and (index < 0 or index > state.step):
        known = ", ".join(step.name for step in steps[: state.step + 1])
        return refuse(command, "unknown_step", f"there is no step {command.from_step} to go back to; these were reached: {known}")
    return go_back(state, command, ctx, intent=RETRY, code="retry", to_step=index)


def skip(state: State, command: c.SkipCompensation, ctx: Context) -> Events:
    """Leave the effect of the stuck step standing and go on with the rest of the rollback."""
    if state.mode != STUCK:
        return not_now(state, command, "rollback_stuck")
    index = state.failed[0].step
    skipped = e.CompensationSkipped(step=index, name=plan_from(state.plan).steps[index].name, reason=command.reason)
    return [skipped, *undo_next(evolve(state, skipped), ctx)]
