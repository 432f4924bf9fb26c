"""The current row of a subscription: who is told of which events."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from libs.contracts import subscription as s
from libs.contracts.refusal import CommandRefused
from libs.readmodel.facts import Fact, text
from libs.readmodel.view import Row, View, following
from libs.runtime.errors import BrokenHistory

LONGEST_TEXT = 2_000
Changes = dict[str, Any]


class SubscriptionRow(Row, frozen=True, kw_only=True):
    """What is known of a subscription. `status` is active, disabled or deleted; `event_types` holds JSON."""

    requested_by: str
    url: str
    event_types: str
    channel: str
    description: str
    reason: str
    generation: int
    overlap_until: int


def _interest(interest: s.Interest) -> Changes:
    return {
        "url": text(interest.url, LONGEST_TEXT),
        "event_types": msgspec.json.encode(interest.event_types).decode(),
        "channel": text(interest.channel),
        "description": text(interest.description, LONGEST_TEXT),
    }


def _became(status: str, reason: str) -> Changes:
    return {"status": status, "reason": text(reason, LONGEST_TEXT)}


_CHANGES: dict[type[Any], Callable[[Any], Changes]] = {
    s.SubscriptionChanged: lambda event: _interest(event.interest),
    s.SubscriptionDisabled: lambda event: _became("disabled", event.reason),
    s.SubscriptionEnabled: lambda event: _became("active", event.reason),
    s.SecretRotated: lambda event: {"generation": event.generation, "overlap_until": event.overlap_until},
    s.SubscriptionDeleted: lambda event: _became("deleted", event.reason),
    CommandRefused: lambda event: {},
}


def evolve(row: SubscriptionRow | None, fact: Fact) -> SubscriptionRow:
    """The row after an event. Raises BrokenHistory for an event that cannot stand there."""
    envelope, body = fact.envelope, fact.body
    if row is not None:
        changes = following(_CHANGES, fact)(body)
        return replace(
            row, version=envelope.version, head=fact.hash, updated_at=envelope.recorded_at, updated_event=envelope.event_id, **changes
        )
    if type(body) is not s.SubscriptionCreated:
        raise BrokenHistory(f"{envelope.tenant}/{envelope.aggregate} begins with {type(body).__name__}")
    return SubscriptionRow(
        tenant=envelope.tenant,
        id=envelope.aggregate,
        partition=fact.partition,
        requested_pos=fact.pos,
        requested_at=envelope.recorded_at,
        requested_by=text(envelope.actor),
        version=envelope.version,
        head=fact.hash,
        status="active",
        updated_at=envelope.recorded_at,
        updated_event=envelope.event_id,
        reason="",
        generation=1,
        overlap_until=0,
        **_interest(body.interest),
    )


VIEW = View(
    table="subscription",
    row=SubscriptionRow,
    evolve=evolve,
    json=frozenset({"event_types"}),
    fixed=frozenset({"tenant", "id", "partition", "requested_pos", "requested_at", "requested_by"}),
)
