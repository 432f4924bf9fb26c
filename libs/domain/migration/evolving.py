"""`evolve`: how each event changes the state of a migration. The only place where state changes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from libs.contracts.avro import decode_value, encode_value
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Plan
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.refusal import CommandRefused
from libs.contracts.work import APPLY, CHECK, PLAN, UNDO, Work
from libs.domain.migration import approvals, gates, way_back
from libs.domain.migration.archiving import ENDED, headstone

NEW, CHECKING, RUNNING, PAUSED, HELD = "new", "checking", "running", "paused", "held"
STOPPING, ROLLING_BACK, STUCK = "stopping", "rolling_back", "stuck"
GOING_BACK = (STOPPING, ROLLING_BACK, STUCK)
RETRY = "retry"
"""Intent of one that goes back to a step to go forward again from there; PAUSED, to stay there."""
GRACE_US = 5_000_000
"""How long after its deadline an item in flight that reported nothing counts as unknown."""


@lru_cache(maxsize=16_384)
def plan_from(encoded: bytes) -> Plan:
    """The frozen plan of a state. Cached: a plan is decoded once, however many steps it has."""
    return decode_value(Plan, encoded)


@lru_cache(maxsize=4_096)
def _encoded(plan: Plan) -> bytes:
    return encode_value(plan)


def without(pending: tuple[Work, ...], work_id: str) -> tuple[Work, ...]:
    """Pending work less one item."""
    return tuple(work for work in pending if work.work_id != work_id)


def _requested(state: State, event: e.MigrationRequested) -> State:
    asked = event.request
    request, waits_at = encode_value(asked), gates.gates_of(asked)
    state = replace(state, mode=CHECKING, status="requested", request=request, requested_by=event.requested_by)
    return replace(state, on_failure=asked.on_failure, gates=waits_at, retention_seconds=asked.retention_seconds)


def _dispatched(state: State, event: e.WorkDispatched) -> State:
    work = event.work
    state = replace(
        state,
        status=event.phase,
        fence=work.fence,
        pending=(*state.pending, work),
        failed=without(state.failed, work.work_id) if state.failed else (),
        crossed=state.crossed or event.point_of_no_return,
    )
    if work.direction == PLAN:
        return state
    if state.mode == STOPPING:
        return replace(state, wake_at=max(state.wake_at, work.deadline + GRACE_US))
    if work.direction == UNDO:
        return replace(state, mode=ROLLING_BACK)
    act = max(state.dispatched, work.step) if work.direction == APPLY else state.dispatched
    next_chunk = state.next_chunk if work.chunk == "-" else max(state.next_chunk, int(work.chunk) + 1)
    return replace(state, mode=RUNNING, step=work.step, dispatched=act, next_chunk=next_chunk)


def _rejected(state: State, event: e.MigrationRejected) -> State:
    return replace(state, mode=ENDED, status="rejected", pending=(), wake_at=event.archive_at)


def _planned(state: State, event: e.MigrationPlanned) -> State:
    return replace(state, mode=RUNNING, status="planned", plan=_encoded(event.plan), step=0, pending=())


def _chunk_succeeded(state: State, event: e.ChunkSucceeded) -> State:
    return replace(state, pending=without(state.pending, event.work_id), done_chunks=state.done_chunks + 1)


def _succeeded(state: State, event: e.StepSucceeded) -> State:
    pending = without(state.pending, event.work_id)
    state = replace(state, step=event.step + 1, pending=pending, next_chunk=0, done_chunks=0, wake_at=0, awaiting="")
    if state.approvals is not None:
        state = replace(state, approvals=None)
    return state if state.gates is None else gates.wait_ended(state)


def _attempt_failed(state: State, event: e.AttemptFailed) -> State:
    retry = event.retry
    pending = tuple(retry if work.work_id == retry.work_id else work for work in state.pending)
    wake_at = max(state.wake_at, retry.deadline + GRACE_US) if state.mode == STOPPING else state.wake_at
    return replace(state, pending=pending, fence=retry.fence, wake_at=wake_at)


def _failed(state: State, event: e.StepFailed) -> State:
    failed = tuple(work for work in state.pending if work.work_id == event.work_id)
    state = replace(state, pending=without(state.pending, event.work_id), status="failed", failed=(*state.failed, *failed))
    return replace(gates.leaves(state), mode=HELD, wake_at=0, awaiting="", approvals=None) if event.held else state


def _waiting(state: State, event: e.WaitStarted) -> State:
    return replace(state, mode=RUNNING, status="waiting", step=event.step, wake_at=event.until, awaiting="time")


def _stopping(state: State, event: e.StopRequested) -> State:
    return replace(
        gates.turns_back(state),
        mode=STOPPING,
        status="stopping",
        intent=event.intent,
        to_step=event.to_step,
        reason=event.reason,
        wake_at=event.settle_by,
        awaiting="",
        approvals=None,
        failed=(),
    )


def _overruled(state: State, event: RewindOverruled) -> State:
    to_step = state.to_step if event.intent in (RETRY, PAUSED) else 0
    return replace(state, intent=event.intent, to_step=to_step, reason=event.reason)


def _settled(state: State, event: e.WorkSettled) -> State:
    pending = without(state.pending, event.work_id)
    looked_at = event.work_id.split("/")[-2] == CHECK
    unsettled = tuple(step for step in state.unsettled if not (looked_at and step == event.step))
    if event.outcome == "unknown" and not looked_at and event.step not in unsettled:
        unsettled = (*unsettled, event.step)
    return replace(state, pending=pending, unsettled=unsettled, wake_at=state.wake_at if pending else 0)


def _compensated(state: State, step: int, work_id: str) -> State:
    return replace(state, pending=without(state.pending, work_id), dispatched=step - 1)


def _stuck(state: State, event: e.RollbackStuck) -> State:
    return replace(state, mode=STUCK, status="rollback_stuck", pending=(), failed=state.pending)


def _skipped(state: State, event: e.CompensationSkipped) -> State:
    state = replace(state, mode=ROLLING_BACK, status="rolling_back", dispatched=event.step - 1, failed=(), skipped=state.skipped + 1)
    # A round rises only after the undo was confirmed (D3): going forward again would bring about a second time what was left standing.
    return replace(state, intent="rolled_back", to_step=0) if state.intent in (RETRY, PAUSED) else state


def _rewound(state: State, event: RewindCompleted) -> State:
    return replace(
        state,
        mode=RUNNING,
        step=event.step,
        round=event.round,
        next_chunk=0,
        done_chunks=0,
        dispatched=min(state.dispatched, event.step - 1),
        intent="",
        to_step=0,
        reason="",
    )


def _end(state: State, status: str, archive_at: int) -> State:
    return replace(state, mode=ENDED, status=status, pending=(), failed=(), wake_at=archive_at, awaiting="")


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    e.MigrationRequested: _requested,
    e.MigrationRejected: _rejected,
    e.MigrationPlanned: _planned,
    e.WorkDispatched: _dispatched,
    e.ChunkSucceeded: _chunk_succeeded,
    e.StepSucceeded: _succeeded,
    e.AttemptFailed: _attempt_failed,
    e.StepFailed: _failed,
    e.WaitStarted: _waiting,
    e.MigrationPaused: lambda state, event: replace(gates.leaves(state), mode=PAUSED, status="paused"),
    e.MigrationResumed: lambda state, event: replace(state, mode=RUNNING, status=event.phase),
    e.RetryRequested: lambda state, event: state,
    e.StopRequested: _stopping,
    RewindOverruled: _overruled,
    e.WorkSettled: _settled,
    e.RollbackStarted: lambda state, event: replace(state, mode=ROLLING_BACK, status="rolling_back", wake_at=0),
    e.StepCompensated: lambda state, event: _compensated(state, event.step, event.work_id),
    e.RollbackStuck: _stuck,
    e.CompensationSkipped: _skipped,
    RewindCompleted: _rewound,
    e.MigrationRolledBack: lambda state, event: _end(state, "rolled_back", event.archive_at),
    e.MigrationCancelled: lambda state, event: _end(state, "cancelled", event.archive_at),
    e.MigrationCompleted: lambda state, event: _end(state, "completed", event.archive_at),
    e.MigrationArchived: headstone,
    CommandRefused: lambda state, event: state,
    **gates.CHANGES,
    **approvals.CHANGES,
    **way_back.CHANGES,
}


def evolve(state: State, event: Any) -> State:
    """The state after an event. Raises KeyError for an event that no migration knows."""
    return _CHANGES[type(event)](state, event)
