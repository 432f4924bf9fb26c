"""The current row of a delivery: one message to one endpoint."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts import delivery as d
from libs.contracts.refusal import CommandRefused
from libs.contracts.work import Work
from libs.readmodel.facts import Fact, text
from libs.readmodel.view import Row, View, Works, following, next_deadline
from libs.runtime.errors import BrokenHistory

LONGEST_URL = 2_000
Changes = dict[str, Any]


class DeliveryRow(Row, frozen=True, kw_only=True):
    """What is known of a delivery. `status` is sending, delivered or failed."""

    subscription: str
    migration: str
    event_type: str
    event_id: str
    """Id of the event that it tells of."""
    channel: str
    url: str
    key_generation: int
    correlation_id: str
    attempts: int
    """Attempts ended, those of earlier rounds included."""
    status_code: int
    """HTTP status of the last attempt; 0 when no answer came."""
    error: str
    work: Works
    next_deadline: int | None


def _sending(work: Work) -> Changes:
    return {"status": "sending", "work": (work,)}


def _ended(row: DeliveryRow, status: str, status_code: int, error: str) -> Changes:
    return {"status": status, "work": (), "attempts": row.attempts + 1, "status_code": status_code, "error": error}


_CHANGES: dict[type[Any], Callable[[DeliveryRow, Any], Changes]] = {
    d.DeliverySucceeded: lambda row, event: _ended(row, "delivered", event.status_code, ""),
    d.DeliveryAttemptFailed: lambda row, event: _ended(row, "sending", event.status_code, event.error) | _sending(event.retry),
    d.DeliveryFailed: lambda row, event: _ended(row, "failed", event.status_code, event.error),
    d.DeliveryReplayed: lambda row, event: _sending(event.work),
    CommandRefused: lambda row, event: {},
}


def _requested(fact: Fact, event: d.DeliveryRequested) -> DeliveryRow:
    envelope, message = fact.envelope, event.message
    return DeliveryRow(
        tenant=envelope.tenant,
        id=envelope.aggregate,
        partition=fact.partition,
        requested_pos=fact.pos,
        requested_at=envelope.recorded_at,
        version=envelope.version,
        head=fact.hash,
        status="sending",
        updated_at=envelope.recorded_at,
        updated_event=envelope.event_id,
        subscription=text(message.subscription),
        migration=text(message.migration),
        event_type=text(message.event_type),
        event_id=text(message.event_id),
        channel=text(message.channel),
        url=text(message.url, LONGEST_URL),
        key_generation=message.key_generation,
        correlation_id=text(envelope.correlation_id),
        attempts=0,
        status_code=0,
        error="",
        work=(event.work,),
        next_deadline=event.work.deadline,
    )


def evolve(row: DeliveryRow | None, fact: Fact) -> DeliveryRow:
    """The row after an event. Raises BrokenHistory for an event that cannot stand there."""
    envelope, body = fact.envelope, fact.body
    if row is None:
        if type(body) is not d.DeliveryRequested:
            raise BrokenHistory(f"{envelope.tenant}/{envelope.aggregate} begins with {type(body).__name__}")
        return _requested(fact, body)
    changes = following(_CHANGES, fact)(row, body)
    if "work" in changes:
        changes["next_deadline"] = next_deadline(changes["work"])
    if "error" in changes:
        changes["error"] = text(changes["error"], LONGEST_URL)
    return replace(
        row, version=envelope.version, head=fact.hash, updated_at=envelope.recorded_at, updated_event=envelope.event_id, **changes
    )


_FIXED = (
    "tenant id partition requested_pos requested_at subscription migration event_type event_id channel url key_generation correlation_id"
)
VIEW = View(table="delivery", row=DeliveryRow, evolve=evolve, json=frozenset({"work"}), fixed=frozenset(_FIXED.split()))
