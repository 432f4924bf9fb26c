"""The go/no-go gate that a migration awaits approval at, as its row holds it: JSON, folded from the events at the gate."""

from collections.abc import Callable
from typing import Any

import msgspec

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Plan
from libs.contracts.migration.way_back import WayBackRehearsed

Gate = dict[str, Any]
Change = Callable[[Gate | None, EventEnvelope, Any], Gate | None]
_ANY = a.ApprovalTerms()
_SECOND = 1_000_000


def told(change: Change, before: str | None, way_back: str | None, envelope: EventEnvelope, body: Any) -> dict[str, Any]:
    """What an event at a gate, or one that gates rest on, changes of the row."""
    gate = change(msgspec.json.decode(before) if before else None, envelope, body)
    changes: dict[str, Any] = {}
    if isinstance(body, WayBackRehearsed):
        way_back = changes["way_back"] = _last(way_back, envelope, body)
    if gate:
        changes["gate"] = msgspec.json.encode(gate).decode()
        changes["wake_at"] = _wake_at(gate, msgspec.json.decode(way_back) if way_back else None)
    return changes


def _last(before: str | None, envelope: EventEnvelope, body: WayBackRehearsed) -> str:
    """The rehearsal that counts: the last one, not the one recorded last."""
    if before and msgspec.json.decode(before)["at"] > body.at:
        return before
    found = {
        "passed": body.passed,
        "at": body.at,
        "by": body.rehearsed_by or envelope.actor,
        "reason": body.reason,
        "event": envelope.event_id,
    }
    return msgspec.json.encode(found).decode()


def no_return(plan: Plan) -> str | None:
    """The first step after which there is no way back, as JSON; None when there is none."""
    found = next(((n, step) for n, step in enumerate(plan.steps) if step.point_of_no_return), None)
    return msgspec.json.encode({"step": found[0], "name": found[1].name, "title": found[1].title}).decode() if found else None


def missing(gate: Gate) -> int:
    """How many approvals the gate lacks."""
    return 0 if gate["waiver"] else max(0, gate["quorum"] - len(gate["approvals"]))


def _wake_at(gate: Gate, way_back: Gate | None) -> int:
    """When time changes something at the gate next; 0 for never."""
    ends = [one["lapsesAt"] for one in gate["approvals"]]
    if way_back and gate["approvals"] and gate["wayBackMaxAgeS"]:
        ends.append(way_back["at"] + gate["wayBackMaxAgeS"] * _SECOND)
    ends.append(gate["waiver"]["until"] if gate["waiver"] else 0)
    ends.append(gate["answerBy"] if missing(gate) else 0)
    return min(filter(None, ends), default=0)


def _requested(gate: Gate | None, envelope: EventEnvelope, body: e.ApprovalRequested) -> Gate:
    terms = body.terms or _ANY
    return {
        "step": body.step,
        "name": body.name,
        "roles": terms.roles,
        "quorum": terms.quorum,
        "mfa": terms.mfa,
        "expiresS": terms.expires_s,
        "wayBackMaxAgeS": terms.way_back_max_age_s,
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


def _at(change: Callable[[Gate, EventEnvelope, Any], Gate]) -> Change:
    return lambda gate, envelope, body: change(gate, envelope, body) if gate else None


AT_GATE: dict[type[Any], Change] = {
    e.ApprovalRequested: _requested,
    e.ApprovalGiven: _at(_given),
    a.ApprovalDelegated: _at(_delegated),
    a.ApprovalWaived: _at(_waived),
    a.ApprovalLapsed: _at(_lapsed),
    WayBackRehearsed: _at(lambda gate, envelope, body: gate | {"evidenceVersion": body.evidence_version}),
}
"""What each event changes of the gate."""
