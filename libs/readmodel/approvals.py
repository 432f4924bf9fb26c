"""The go/no-go gate that a migration awaits approval at, as its row holds it: JSON, folded from the events at the gate."""

from collections.abc import Callable
from typing import Any

import msgspec

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e

Gate = dict[str, Any]
_ANY = a.ApprovalTerms()


def told(change: Callable[[Gate, EventEnvelope, Any], Gate], before: str | None, envelope: EventEnvelope, body: Any) -> tuple[str, int]:
    """The gate after an event as JSON, and when time changes something there next; 0 for never."""
    gate = change(msgspec.json.decode(before) if before else {}, envelope, body)
    return msgspec.json.encode(gate).decode(), _wake_at(gate)


def missing(gate: Gate) -> int:
    """How many approvals the gate lacks."""
    return 0 if gate["waiver"] else max(0, gate["quorum"] - len(gate["approvals"]))


def _wake_at(gate: Gate) -> int:
    ends = [one["lapsesAt"] for one in gate["approvals"]]
    ends.append(gate["waiver"]["until"] if gate["waiver"] else 0)
    ends.append(gate["answerBy"] if missing(gate) else 0)
    return min(filter(None, ends), default=0)


def _requested(gate: Gate, envelope: EventEnvelope, body: e.ApprovalRequested) -> Gate:
    terms = body.terms or _ANY
    return {
        "step": body.step,
        "name": body.name,
        "roles": terms.roles,
        "quorum": terms.quorum,
        "mfa": terms.mfa,
        "expiresS": terms.expires_s,
        "since": envelope.recorded_at,
        "answerBy": body.expires_at,
        "evidenceVersion": body.evidence_version,
        "event": envelope.event_id,
        "approvals": [],
        "delegations": [],
        "waiver": None,
    }


def _given(gate: Gate, envelope: EventEnvelope, body: e.ApprovalGiven) -> Gate:
    given = {
        "by": body.by or envelope.actor,
        "onBehalfOf": body.right_of if body.right_of != body.by else "",
        "at": envelope.recorded_at,
        "reason": body.reason,
        "lapsesAt": body.lapses_at,
        "evidenceVersion": body.evidence_version,
        "secondFactor": body.second_factor,
        "event": envelope.event_id,
    }
    return gate | {"approvals": [*gate["approvals"], given]}


def _delegated(gate: Gate, envelope: EventEnvelope, body: a.ApprovalDelegated) -> Gate:
    handed = {"by": body.by, "to": body.to, "until": body.until, "reason": body.reason, "event": envelope.event_id}
    return gate | {"delegations": [*(one for one in gate["delegations"] if one["by"] != body.by), handed]}


def _waived(gate: Gate, envelope: EventEnvelope, body: a.ApprovalWaived) -> Gate:
    waiver = {"by": body.by, "until": body.until, "reason": body.reason, "at": envelope.recorded_at, "event": envelope.event_id}
    return gate | {"waiver": waiver}


def _lapsed(gate: Gate, envelope: EventEnvelope, body: a.ApprovalLapsed) -> Gate:
    gate = gate | {"answerBy": body.answer_by}
    if body.code == "waiver_expired":
        return gate | {"waiver": None}
    return gate | {"approvals": [one for one in gate["approvals"] if one["by"] not in body.approvers]}


AT_GATE: dict[type[Any], Callable[[Gate, EventEnvelope, Any], Gate]] = {
    e.ApprovalRequested: _requested,
    e.ApprovalGiven: _given,
    a.ApprovalDelegated: _delegated,
    a.ApprovalWaived: _waived,
    a.ApprovalLapsed: _lapsed,
}
"""What each event at a gate changes."""
