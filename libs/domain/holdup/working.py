"""Work in flight as a cause: who is at it, which attempt of how many, and why the last one failed."""

from libs.contracts.migration import events as e
from libs.contracts.values import Scalar
from libs.contracts.work import PLAN, UNDO, Work
from libs.domain.holdup.cause import OPERATOR, ROLE, SERVICE, TIME, Ask, Cause, Event, cause
from libs.domain.migration.dispatching import PLANNING


def in_flight(event: Event, plan: Event | None, now: int) -> Cause:
    """The cause that work in flight is: under way, waiting for its next attempt, or overdue."""
    work, sources = work_of(event), [event]
    step = PLANNING
    if work.step >= 0 and plan is not None:
        step, sources = plan.body.plan.steps[work.step], [event, plan]
    attempt = f"attempt {work.attempt:,} of {step.attempts:,}"
    problem = event.body.problem if isinstance(event.body, e.AttemptFailed) else None
    last = f"; the last one failed: {problem.message}" if problem else ""
    details: dict[str, Scalar] = {
        "worker": work.worker,
        "step": step.name,
        "workId": work.work_id,
        "attempt": work.attempt,
        "attempts": step.attempts,
    }
    if problem:
        details["problem"] = problem.code
    if work.not_before > now:
        return cause(
            "back_off",
            f"{attempt} at {item_of(event)} begins later{last}",
            sources,
            [Ask(TIME, "")],
            until=work.not_before,
            details=details,
        )
    service = [Ask(SERVICE, work.worker)]
    if work.deadline <= now:
        reason = f"the {work.worker} has not reported on {item_of(event)} in time, {attempt}{last}"
        return cause("overdue", reason, sources, [*service, Ask(ROLE, OPERATOR)], details=details)
    return cause(
        "work", f"the {work.worker} is at {item_of(event)}, {attempt}{last}", sources, service, until=work.deadline, details=details
    )


def work_of(event: Event) -> Work:
    """The work item that a WorkDispatched or AttemptFailed leaves in flight."""
    found: Work = event.body.work if isinstance(event.body, e.WorkDispatched) else event.body.retry
    return found


def item_of(event: Event) -> str:
    """A work item in words."""
    work, name = work_of(event), event.body.name
    what = {PLAN: "planning", UNDO: f"undoing {name}"}.get(work.direction, name)
    return what if work.chunk == "-" else f"{what} (chunk {work.chunk})"
