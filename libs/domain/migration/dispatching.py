"""How a step is handed to a worker, and how often: the pieces that going forward and going back share."""

import hashlib
from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import events as e
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.values import Problem
from libs.contracts.work import APPLY, MIGRATOR, PLAN, UNDO, VERIFIER, ReportWork, Work, work_id_of
from libs.contracts.work import CHECK as LOOK
from libs.domain.decider import Context

Events = list[Any]
PLANNING = Step(name=PLAN, phase="checking", kind=CHECK, attempts=5, timeout_ms=120_000)
"""The planning of a migration as if it were a step: it is retried and timed out like one."""
MAX_BACKOFF_MS = 60_000


def work_for(step: Step, index: int, direction: str, ctx: Context, *, round_: int, fence: int, chunk: str = "-") -> Work:
    """First attempt of a work item."""
    return Work(
        work_id=work_id_of(ctx.tenant, ctx.aggregate, str(index) if index >= 0 else PLAN, chunk, direction, round_),
        worker=MIGRATOR if direction in (APPLY, UNDO) else VERIFIER,
        step=index,
        chunk=chunk,
        direction=direction,
        round=round_,
        fence=fence,
        attempt=1,
        not_before=ctx.now,
        deadline=ctx.now + step.timeout_ms * 1_000,
    )


def dispatch(step: Step, index: int, ctx: Context, *, round_: int, fence: int, chunk: str = "-") -> e.WorkDispatched:
    """Hand an act to the migrator or a check to the verifier."""
    work = work_for(step, index, APPLY if step.kind == ACT else LOOK, ctx, round_=round_, fence=fence, chunk=chunk)
    return e.WorkDispatched(work=work, name=step.name, phase=step.phase, point_of_no_return=step.point_of_no_return)


def begin(plan: Plan, index: int, ctx: Context, *, round_: int, fence: int) -> Events:
    """Start the step at `index`, or complete the migration when there is none left."""
    if index >= len(plan.steps):
        return [e.MigrationCompleted(steps=index)]
    step = plan.steps[index]
    if step.kind == WAIT:
        return [wait(step, index, ctx)]
    if step.chunks:
        return chunks(step, index, 0, min(step.window, step.chunks), ctx, round_=round_, fence=fence)
    return [dispatch(step, index, ctx, round_=round_, fence=fence + 1)]


def wait(step: Step, index: int, ctx: Context) -> e.WaitStarted | e.ApprovalRequested:
    """Let time or a person decide."""
    until = ctx.now + step.wait_ms * 1_000
    if step.wait_for == "time":
        return e.WaitStarted(step=index, name=step.name, until=until)
    return e.ApprovalRequested(
        step=index, name=step.name, expires_at=until if step.wait_ms else 0, terms=step.approval, evidence_version=ctx.version + 1
    )


def chunks(step: Step, index: int, first: int, count: int, ctx: Context, *, round_: int, fence: int) -> Events:
    """Dispatch the next chunks of a chunked step; only those in flight ever live in state."""
    return [dispatch(step, index, ctx, round_=round_, fence=fence + 1 + n, chunk=str(first + n)) for n in range(count)]


def pending(state: State, work_id: str, attempt: int) -> Work | None:
    """The work that a report answers; None when the report is stale."""
    for work in state.pending:
        if work.work_id == work_id and work.attempt == attempt:
            return work
    return None


def next_attempt(work: Work, step: Step, ctx: Context, fence: int) -> Work | None:
    """The same work once more after a back-off with jitter derived from its id; None when its attempts are used up."""
    if work.attempt >= step.attempts:
        return None
    pause = min(step.backoff_ms * 2 ** min(work.attempt - 1, 16), MAX_BACKOFF_MS)
    jitter = hashlib.sha256(f"{work.work_id}#{work.attempt}".encode()).digest()[0] / 512
    start = ctx.now + int(pause * (0.75 + jitter) * 1_000)
    return again(work, start, step, fence + 1)


def again(work: Work, start: int, step: Step, fence: int) -> Work:
    """The same work as a further attempt that starts at `start`."""
    return replace(work, attempt=work.attempt + 1, fence=fence, not_before=start, deadline=start + step.timeout_ms * 1_000)


def problem_of(report: ReportWork) -> Problem:
    """Why a report says the work did not succeed."""
    if report.problem is not None:
        return report.problem
    return Problem(code=f"work_{report.outcome}", category="migration_execution", message="the worker gave no reason")
