"""Decisions on the way back: stop, let everything come to rest, compensate in reverse order, end."""

from typing import Any

from libs.contracts.migration import events as e
from libs.contracts.migration.plan import ACT, Plan
from libs.contracts.migration.rewinding import RewindCompleted
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.work import CHECK, SUCCEEDED, UNDO, ReportWork, Work
from libs.domain.decider import Context
from libs.domain.migration.dispatching import begin, next_attempt, problem_of, work_for
from libs.domain.migration.evolving import GRACE_US, PAUSED, evolve, plan_from
from libs.domain.migration.gates import closed, first_gate

Events = list[Any]
UNKNOWN = "unknown"


def compensable(plan: Plan, upto: int, downto: int) -> list[int]:
    """Indexes of the acts that have a compensation, in the order in which they are undone."""
    return [i for i in range(upto, downto - 1, -1) if plan.steps[i].kind == ACT and plan.steps[i].compensation]


def stop(state: State, ctx: Context, *, intent: str, reason: str, code: str, to_step: int = 0) -> Events:
    """Begin to go back. What is in flight must come to rest first; with nothing in flight, undoing starts at once."""
    settle_by = max((work.deadline for work in state.pending), default=-GRACE_US) + GRACE_US
    stopped = e.StopRequested(intent=intent, to_step=to_step, reason=reason, code=code, settle_by=settle_by)
    return [stopped, *_when_at_rest(evolve(state, stopped), ctx)]


def _when_at_rest(state: State, ctx: Context) -> Events:
    if state.pending:
        return []
    if state.unsettled:
        return _look(state, ctx)
    plan = plan_from(state.plan)
    names = tuple(plan.steps[i].name for i in compensable(plan, state.dispatched, state.to_step))
    started = e.RollbackStarted(intent=state.intent, steps=names)
    return [started, *undo_next(evolve(state, started), ctx)]


def _look(state: State, ctx: Context) -> Events:
    steps = plan_from(state.plan).steps
    return [
        e.WorkDispatched(
            work=work_for(steps[index], index, CHECK, ctx, round_=state.round, fence=state.fence + 1 + n),
            name=steps[index].name,
            phase="stopping",
            point_of_no_return=False,
        )
        for n, index in enumerate(state.unsettled)
    ]


def settle(state: State, work: Work, report: ReportWork, ctx: Context) -> Events:
    """An item that was in flight at the stop has reported; or the look at an unknown one has ended."""
    outcome = report.outcome
    if work.direction == CHECK and work.step in state.unsettled and outcome != SUCCEEDED:
        step = plan_from(state.plan).steps[work.step]
        retry = next_attempt(work, step, ctx, state.fence) if report.retryable else None
        if retry is not None:
            return [e.AttemptFailed(problem=problem_of(report), retry=retry, name=step.name)]
        outcome = UNKNOWN
    return _settled(state, [(work, outcome)], ctx)


def settle_by_time(state: State, ctx: Context) -> Events:
    """Nothing was reported in time: whatever is still in flight counts as unknown."""
    return _settled(state, [(work, UNKNOWN) for work in state.pending], ctx)


def _settled(state: State, outcomes: list[tuple[Work, str]], ctx: Context) -> Events:
    events: Events = []
    for work, outcome in outcomes:
        name = plan_from(state.plan).steps[work.step].name
        settled = e.WorkSettled(work_id=work.work_id, step=work.step, name=name, outcome=outcome)
        events.append(settled)
        state = evolve(state, settled)
    return [*events, *_when_at_rest(state, ctx)]


def undo_next(state: State, ctx: Context) -> Events:
    """Dispatch the next compensation, or end when none is left."""
    plan = plan_from(state.plan)
    left = compensable(plan, state.dispatched, state.to_step)
    if not left:
        return _arrive(state, plan, ctx)
    step = plan.steps[left[0]]
    work = work_for(step, left[0], UNDO, ctx, round_=state.round, fence=state.fence + 1)
    return [e.WorkDispatched(work=work, name=step.name, phase="rolling_back", point_of_no_return=False)]


def _arrive(state: State, plan: Plan, ctx: Context) -> Events:
    if state.intent == "cancelled":
        return [e.MigrationCancelled(reason=state.reason, skipped=state.skipped)]
    if state.intent == "rolled_back":
        return [e.MigrationRolledBack(reason=state.reason, skipped=state.skipped)]
    rewound = RewindCompleted(step=state.to_step, round=state.round + 1)
    if state.intent == PAUSED:
        return [rewound, e.MigrationPaused(reason=state.reason)]
    if closed(state):
        return [rewound, *first_gate(state)]
    return [rewound, *begin(plan, state.to_step, ctx, round_=state.round + 1, fence=state.fence)]


def undo_reported(state: State, work: Work, report: ReportWork, ctx: Context) -> Events:
    """A compensation is done, is tried again, or has failed for good and needs an operator."""
    step = plan_from(state.plan).steps[work.step]
    if report.outcome == SUCCEEDED:
        undone = e.StepCompensated(work_id=work.work_id, step=work.step, name=step.name, evidence=report.evidence)
        return [undone, *undo_next(evolve(state, undone), ctx)]
    retry = next_attempt(work, step, ctx, state.fence) if report.retryable else None
    if retry is not None:
        return [e.AttemptFailed(problem=problem_of(report), retry=retry, name=step.name)]
    return [e.RollbackStuck(step=work.step, name=step.name, problem=problem_of(report))]
