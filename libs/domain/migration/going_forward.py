"""Decisions on the way forward: request, freeze the plan, take a worker's report, wake."""

from typing import Any

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.values import Evidence, Problem
from libs.contracts.work import PLAN, SUCCEEDED, ReportWork, Work
from libs.domain.decider import Context
from libs.domain.migration.approvals import ANY, evidence, missing
from libs.domain.migration.dispatching import PLANNING, begin, chunks, next_attempt, pending, problem_of, work_for
from libs.domain.migration.evolving import CHECKING, HELD, PAUSED, evolve, plan_from
from libs.domain.migration.gates import ADMISSION, closed, first_gate, of
from libs.domain.migration.going_back import stop
from libs.domain.migration.lapsing import lapsing

Events = list[Any]
MAX_STEPS = 1_000
MAX_ATTEMPTS, MAX_CHUNKS = 1_000_000, 1_000_000_000
LONGEST_MS = 10 * 366 * 86_400_000
"""Longest time that a step may take or wait: what is added to now must remain a time that can be written."""
MOST_APPROVERS, MOST_ROLES = 10, 10
MAX_WINDOW = 100
"""Most chunks in flight: what one decision may dispatch, and what a state may hold (D6)."""
_OF_STEP = (
    ("attempts", 1, MAX_ATTEMPTS),
    ("timeout_ms", 1, LONGEST_MS),
    ("backoff_ms", 0, LONGEST_MS),
    ("window", 1, MAX_WINDOW),
    ("chunks", 0, MAX_CHUNKS),
    ("wait_ms", 0, LONGEST_MS),
)
# A wait of no length would ask for the wake that just ended the wait before it: a repeat would be taken twice.
_OF_TIMED_WAIT = (*_OF_STEP[:-1], ("wait_ms", 1, LONGEST_MS))
_OF_APPROVAL = (
    ("quorum", 1, MOST_APPROVERS),
    ("expires_s", 0, LONGEST_MS // 1_000),
    ("way_back_max_age_s", 0, LONGEST_MS // 1_000),
)


def request(command: c.RequestMigration, ctx: Context) -> Events:
    """A new migration: the verifier inspects and plans before anything is touched."""
    work = work_for(PLANNING, -1, PLAN, ctx, round_=1, fence=1)
    dispatch = e.WorkDispatched(work=work, name=PLAN, phase="checking", point_of_no_return=False)
    return [e.MigrationRequested(request=command.request, requested_by=ctx.actor), dispatch]


def flaw_of(plan: Plan) -> str:
    """What is wrong with the shape of a plan; empty when nothing is."""
    if not 0 < len(plan.steps) <= MAX_STEPS:
        return f"it has {len(plan.steps)} steps; 1 to {MAX_STEPS} are possible" if plan.steps else "it has no steps"
    if len({step.name for step in plan.steps}) < len(plan.steps):
        return "two steps have the same name"
    return next(filter(None, map(_flaw_of_step, plan.steps)), "")


def _flaw_of_step(step: Step) -> str:
    if not step.name:
        return "a step has an empty name"
    if step.kind not in (ACT, CHECK, WAIT):
        return f"step {step.name} is of unknown kind {step.kind}"
    if step.kind == WAIT and step.wait_for not in ("time", "approval"):
        return f"step {step.name} waits for unknown {step.wait_for!r}"
    if step.point_of_no_return and step.kind != ACT:
        return f"step {step.name} is a {step.kind}; only an act can be the point of no return"
    terms = step.approval or ANY
    if len(terms.roles) > MOST_ROLES or "" in terms.roles:
        return f"step {step.name} names {len(terms.roles)} roles; it must be at most {MOST_ROLES}, and none empty"
    bounds = _OF_TIMED_WAIT if step.wait_for == "time" else _OF_STEP
    return _out_of_bounds(step, step, bounds) or _out_of_bounds(step, terms, _OF_APPROVAL)


def _out_of_bounds(step: Step, given: Step | ApprovalTerms, bounds: tuple[tuple[str, int, int], ...]) -> str:
    for name, least, most in bounds:
        value = getattr(given, name)
        if not least <= value <= most:
            return f"step {step.name} has {name} {value}; it must be at least {least} and at most {most}"
    return ""


def plan_reported(state: State, report: c.ReportPlan, ctx: Context) -> Events:
    """Freeze the plan and begin, or reject the migration with every problem at once."""
    if state.mode != CHECKING or pending(state, report.work_id, report.attempt) is None:
        return []
    if report.problems:
        return [e.MigrationRejected(problems=report.problems)]
    flaw = flaw_of(report.plan)
    if flaw:
        message = f"the provider's plan cannot be carried out: {flaw}"
        return [e.MigrationRejected(problems=(Problem(code="plan_malformed", category="migration", message=message),))]
    planned = e.MigrationPlanned(plan=report.plan)
    if closed(state):
        return [planned, *first_gate(state)]
    return [planned, *begin(report.plan, 0, ctx, round_=state.round, fence=state.fence)]


def carry_on(state: State, ctx: Context) -> Events:
    """Start what the current step lacks: the step itself, or chunks up to its window."""
    plan = plan_from(state.plan)
    if state.next_chunk:
        return _more_chunks(state, plan.steps[state.step], len(state.pending), ctx)
    if state.approvals is not None:
        return _at_gate(state, ctx)
    if state.pending or state.awaiting:
        return []
    return begin(plan, state.step, ctx, round_=state.round, fence=state.fence)


def _at_gate(state: State, ctx: Context) -> Events:
    """What was approved during the pause goes on, unless that has lapsed."""
    lapsed: Events = list(lapsing(state, ctx.now))
    for event in lapsed:
        state = evolve(state, event)
    gate = state.approvals
    return lapsed if gate is None or missing(gate) else [*lapsed, *wait_over(state, evidence(gate), ctx)]


def phase_of(state: State) -> str:
    """What people are shown once it goes on where it stands."""
    if of(state).at == ADMISSION:
        return "waiting"
    if state.awaiting:
        return "waiting" if state.awaiting == "time" else "awaiting_approval"
    steps = plan_from(state.plan).steps
    return steps[min(state.step, len(steps) - 1)].phase


def _more_chunks(state: State, step: Step, in_flight: int, ctx: Context) -> Events:
    count = max(0, min(step.window - in_flight, step.chunks - state.next_chunk))
    return chunks(step, state.step, state.next_chunk, count, ctx, round_=state.round, fence=state.fence)


def work_reported(state: State, work: Work, report: ReportWork, ctx: Context) -> Events:
    """Take the report of planning, an act or a check on the way forward."""
    if report.outcome == SUCCEEDED:
        return _succeeded(state, work, report, ctx) if work.step >= 0 else []
    problem = problem_of(report)
    step = PLANNING if work.step < 0 else plan_from(state.plan).steps[work.step]
    retry = next_attempt(work, step, ctx, state.fence) if report.retryable else None
    if retry is not None:
        return [e.AttemptFailed(problem=problem, retry=retry, name=step.name)]
    if work.step < 0:
        return [e.MigrationRejected(problems=(problem,))]
    return fail(state, step, work.work_id, work.step, problem, ctx)


def _succeeded(state: State, work: Work, report: ReportWork, ctx: Context) -> Events:
    plan = plan_from(state.plan)
    step = plan.steps[work.step]
    going = state.mode not in (PAUSED, HELD)
    if work.chunk == "-":
        done = e.StepSucceeded(work_id=work.work_id, step=work.step, name=step.name, evidence=report.evidence)
        return [done, *(begin(plan, work.step + 1, ctx, round_=state.round, fence=state.fence) if going else ())]
    chunk = e.ChunkSucceeded(work_id=work.work_id, step=work.step, name=step.name, chunk=work.chunk, evidence=report.evidence)
    if state.done_chunks + 1 < step.chunks:
        return [chunk, *(_more_chunks(state, step, len(state.pending) - 1, ctx) if going else ())]
    whole = e.StepSucceeded(work_id="", step=work.step, name=step.name, evidence={"chunks": step.chunks})
    return [chunk, whole, *(begin(plan, work.step + 1, ctx, round_=state.round, fence=state.fence) if going else ())]


def fail(state: State, step: Step, work_id: str, index: int, problem: Problem, ctx: Context) -> Events:
    """A step has failed for good: go back, or hold where going back is impossible or not wanted."""
    held = state.crossed or state.on_failure == "hold"
    failed = e.StepFailed(work_id=work_id, step=index, name=step.name, problem=problem, held=held)
    if held:
        return [failed]
    return [failed, *stop(evolve(state, failed), ctx, intent="rolled_back", reason=problem.message, code="step_failed")]


def woken(state: State, ctx: Context) -> Events:
    """A wait for time is over."""
    return wait_over(state, {}, ctx)


def wait_over(state: State, evidence: Evidence, ctx: Context) -> Events:
    """The wait that is the current step has ended well."""
    plan = plan_from(state.plan)
    done = e.StepSucceeded(work_id="", step=state.step, name=plan.steps[state.step].name, evidence=evidence)
    if state.mode == PAUSED:
        return [done]
    return [done, *begin(plan, state.step + 1, ctx, round_=state.round, fence=state.fence)]
