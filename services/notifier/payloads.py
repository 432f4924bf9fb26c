"""The body of a webhook: {type, timestamp, data}, as Standard Webhooks has it. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.runtime.codec import rfc3339

LIMIT = 20_000
"""Bytes that a body stays below."""
_STATUS: dict[type[Any], str] = {
    e.MigrationRequested: "requested",
    e.MigrationRejected: "rejected",
    e.MigrationPlanned: "planned",
    g.AdmissionAwaited: "waiting",
    g.SlotRequested: "waiting",
    e.StepFailed: "failed",
    e.WaitStarted: "waiting",
    e.ApprovalRequested: "awaiting_approval",
    e.MigrationPaused: "paused",
    e.StopRequested: "stopping",
    e.RollbackStarted: "rolling_back",
    e.RollbackStuck: "rollback_stuck",
    e.CompensationSkipped: "rolling_back",
    e.MigrationRolledBack: "rolled_back",
    e.MigrationCancelled: "cancelled",
    e.MigrationCompleted: "completed",
}
_COPIED = (
    "reason",
    "code",
    "intent",
    "evidence",
    "problem",
    "problems",
    "held",
    "skipped",
    "steps",
    "round",
    "wave",
    "capacity",
    "undeclared",
)
_LEAST_NEEDED = ("evidence", "plan", "labels", "steps", "problems", "problem", "reason", "application")


def payload_of(name: str, envelope: EventEnvelope, event: Any, position: str) -> str:
    """The JSON text to sign and send, below LIMIT bytes; what had to be left out for that is named in `data.omitted`.

    Never holds source, target or options of a request: those may name what an endpoint need not know.
    """
    data: dict[str, Any] = {
        "migration": envelope.aggregate,
        "version": envelope.version,
        "eventId": envelope.event_id,
        "position": position,
        "correlationId": envelope.correlation_id,
        "environment": envelope.environment,
        **_particulars(event),
    }
    body = {"type": name, "timestamp": rfc3339(envelope.recorded_at).decode(), "data": data}
    text = orjson.dumps(body)
    omitted: list[str] = []
    for field in _LEAST_NEEDED:
        if len(text) < LIMIT:
            break
        if data.pop(field, None) is not None:
            omitted.append(field)
            data["omitted"] = omitted
            text = orjson.dumps(body)
    return text.decode()


def _particulars(event: Any) -> dict[str, Any]:
    found = {name: msgspec.to_builtins(getattr(event, name)) for name in _COPIED if hasattr(event, name)}
    if hasattr(event, "name"):
        found["step"] = event.name
    if type(event) in _STATUS:
        found["status"] = _STATUS[type(event)]
    more = _MORE.get(type(event))
    return found | more(event) if more else found


def _time(micros: int) -> str | None:
    return rfc3339(micros).decode() if micros else None


def _requested(event: e.MigrationRequested) -> dict[str, Any]:
    asked = event.request
    return {"provider": asked.provider, "application": asked.application, "wave": asked.wave, "labels": asked.labels}


def _planned(event: e.MigrationPlanned) -> dict[str, Any]:
    return {"plan": [{"step": step.name, "phase": step.phase, "kind": step.kind} for step in event.plan.steps]}


def _asked(event: e.ApprovalRequested) -> dict[str, Any]:
    terms = event.terms or a.ApprovalTerms()
    return {"expiresAt": _time(event.expires_at), "quorum": terms.quorum, "roles": terms.roles}


_MORE: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    e.MigrationRequested: _requested,
    e.MigrationPlanned: _planned,
    e.AttemptFailed: lambda event: {"attempt": event.retry.attempt - 1, "nextAttemptAt": _time(event.retry.not_before)},
    e.WaitStarted: lambda event: {"until": _time(event.until)},
    e.ApprovalRequested: _asked,
    e.ApprovalGiven: lambda event: {
        "by": event.by,
        "onBehalfOf": event.right_of,
        "missing": event.missing,
        "lapsesAt": _time(event.lapses_at),
    },
    WayBackRehearsed: lambda event: {"passed": event.passed, "at": _time(event.at), "rehearsedBy": event.rehearsed_by},
    a.ApprovalDelegated: lambda event: {"by": event.by, "to": event.to, "until": _time(event.until)},
    a.ApprovalWaived: lambda event: {"by": event.by, "until": _time(event.until), "missing": event.missing},
    a.ApprovalLapsed: lambda event: {"approvers": event.approvers, "expiresAt": _time(event.answer_by)},
    e.MigrationResumed: lambda event: {"status": event.phase},
}
