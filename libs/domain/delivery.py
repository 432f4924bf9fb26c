"""The delivery aggregate: one message to one endpoint, tried by the Standard Webhooks schedule until it is accepted or given up.

sending ─▶ delivered
   │  ▲        │
   ▼  │ replay ▼
  failed ◀─────┘ (a replay is a new round under the same delivery id)
"""

import hashlib
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts import delivery as d
from libs.contracts.delivery import DeliveryState as State
from libs.contracts.refusal import CommandRefused
from libs.contracts.work import NOTIFIER, TELL, Work, work_id_of
from libs.domain.decider import Context, Decider

Events = list[Any]
SENDING, DELIVERED, FAILED = "sending", "delivered", "failed"
SECOND_US = 1_000_000
PAUSES_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt, counted from the one before (Standard Webhooks, "Deliverability and reliability")."""
ATTEMPTS = len(PAUSES_S)
MAX_PAUSE_S = 86_400
"""Longest pause, whatever Retry-After asks for."""
TIMEOUT_S = 30
"""How long one attempt may take."""


# --- evolve ---------------------------------------------------------------------------------------------------------


def _sending(state: State, work: Work) -> State:
    return replace(state, status=SENDING, pending=(work,), fence=work.fence, round=work.round)


def _requested(state: State, event: d.DeliveryRequested) -> State:
    return replace(_sending(state, event.work), message=event.message)


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    d.DeliveryRequested: _requested,
    d.DeliverySucceeded: lambda state, event: replace(state, status=DELIVERED, pending=()),
    d.DeliveryAttemptFailed: lambda state, event: _sending(state, event.retry),
    d.DeliveryFailed: lambda state, event: replace(state, status=FAILED, pending=()),
    d.DeliveryReplayed: lambda state, event: _sending(state, event.work),
    CommandRefused: lambda state, event: state,
}


def evolve(state: State, event: Any) -> State:
    """The state after an event. Raises KeyError for an event that no delivery knows."""
    return _CHANGES[type(event)](state, event)


# --- decisions ------------------------------------------------------------------------------------------------------


def _first_attempt(state: State, ctx: Context) -> Work:
    round_ = state.round + 1
    return Work(
        work_id=work_id_of(ctx.tenant, ctx.aggregate, "tell", "-", TELL, round_),
        worker=NOTIFIER,
        step=-1,
        chunk="-",
        direction=TELL,
        round=round_,
        fence=state.fence + 1,
        attempt=1,
        not_before=ctx.now,
        deadline=ctx.now + TIMEOUT_S * SECOND_US,
    )


def request(state: State, command: d.RequestDelivery, ctx: Context) -> Events:
    """A new delivery; its id derives from event and subscription, so a repeat finds the same one and leaves nothing."""
    if state.status:
        return []
    return [d.DeliveryRequested(message=command.message, work=_first_attempt(state, ctx))]


def pause_us(work: Work, retry_after_ms: int) -> int:
    """Microseconds before the next attempt: the schedule with up to a tenth more, derived from the work id so that
    endpoints of one outage are not all asked at once, or what the endpoint asked for where that is longer."""
    jitter = hashlib.sha256(f"{work.work_id}#{work.attempt}".encode()).digest()[0] / 2_560
    scheduled = int(PAUSES_S[work.attempt] * (1 + jitter) * SECOND_US)
    asked = min(retry_after_ms * 1_000, MAX_PAUSE_S * SECOND_US)
    return max(scheduled, asked)


def report(state: State, report: d.ReportDelivery, ctx: Context) -> Events:
    """An attempt has ended: accepted, to be tried again, or given up."""
    work = next((w for w in state.pending if w.work_id == report.work_id and w.attempt == report.attempt), None)
    if work is None:
        return []
    if report.outcome == DELIVERED:
        accepted = d.DeliverySucceeded(
            work_id=work.work_id, attempt=work.attempt, status_code=report.status_code, duration_ms=report.duration_ms
        )
        return [accepted]
    gone = report.outcome == "gone"
    if gone or work.attempt >= ATTEMPTS:
        given_up = d.DeliveryFailed(
            work_id=work.work_id, attempt=work.attempt, status_code=report.status_code, error=report.error, gone=gone
        )
        return [given_up]
    start = ctx.now + pause_us(work, report.retry_after_ms)
    retry = replace(work, attempt=work.attempt + 1, fence=state.fence + 1, not_before=start, deadline=start + TIMEOUT_S * SECOND_US)
    failed = d.DeliveryAttemptFailed(status_code=report.status_code, error=report.error, duration_ms=report.duration_ms, retry=retry)
    return [failed]


def replay(state: State, command: d.ReplayDelivery, ctx: Context) -> Events:
    """Send it once more from the first attempt; an attempt still pending is superseded, its report becomes stale."""
    if not state.status:
        return [CommandRefused(command="ReplayDelivery", code="not_found", message="there is no such delivery")]
    return [d.DeliveryReplayed(work=_first_attempt(state, ctx), reason=command.reason)]


# --- decide ---------------------------------------------------------------------------------------------------------

_DECISIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    d.RequestDelivery: request,
    d.ReportDelivery: report,
    d.ReplayDelivery: replay,
}


def decide(state: State, command: Any, ctx: Context) -> Events:
    """Events that answer a command. Raises KeyError for a command that no delivery knows."""
    return _DECISIONS[type(command)](state, command, ctx)


DECIDER = Decider(
    aggregate="delivery",
    state=State,
    initial=State(),
    decide=decide,
    evolve=evolve,
    client_commands=frozenset({d.ReplayDelivery}),
)
