"""Answers at go/no-go gates: approve, refuse, hand the right on, waive. What the caller's token proves goes into the command here."""

from typing import Any

from pydantic import Field

from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration.way_back import RecordWayBack
from libs.edge.asking import micros_of
from libs.edge.auth import APPROVER
from libs.edge.migration_commands import MayHaveReason, WithReason, operation, require_owned, tell
from libs.edge.migration_request import Body
from libs.edge.problems import HttpProblem
from libs.edge.routing import ADMINS, APPROVERS, OPERATORS, Answer, Call
from libs.edge.values import Moment, Reason, Subject

_ANYBODYS = OPERATORS | {APPROVER}
_MFA = ("mfa_required",)


class Approve(MayHaveReason):
    """Say yes."""

    on_behalf_of: Subject | None = Field(
        default=None, description="Subject id of who handed you the right that you use; left out for your own"
    )
    evidence_version: int = Field(
        default=0, ge=0, le=2**31, description="Version of the migration that you looked at: refused when its evidence has changed since"
    )


class Delegate(WithReason):
    """Hand your right to approve at this gate to another person."""

    to: Subject = Field(description="Subject id of who may approve instead of you")
    until: Moment = Field(description="Until when (RFC 3339)")


class Waive(WithReason):
    """Let a migration pass the gate without what it asks for."""

    until: Moment = Field(description="When the waiver lapses unless the migration has gone on (RFC 3339)")


class WayBack(Body):
    """How a rehearsal of the way back ended that was done elsewhere."""

    passed: bool = Field(description="Whether everything was undone")
    evidence: Reason = Field(description="What was rehearsed, where, and what shows how it ended")
    at: Moment | None = Field(default=None, description="When it ended (RFC 3339); now when left out")


async def approve(call: Call) -> Answer:
    """Say yes."""
    body: Approve = call.body
    behalf, version = body.on_behalf_of or "", body.evidence_version
    return await _tell(call, c.ApproveMigration(reason=body.reason, on_behalf_of=behalf, evidence_version=version, **_proven(call)))


async def delegate(call: Call) -> Answer:
    """Hand the right on."""
    body: Delegate = call.body
    return await _tell(call, a.DelegateApproval(to=body.to, until=micros_of(body.until), reason=body.reason, **_proven(call)))


async def waive(call: Call) -> Answer:
    """Waive the gate."""
    body: Waive = call.body
    return await _tell(call, a.WaiveApproval(until=micros_of(body.until), reason=body.reason, **_proven(call)))


async def refuse(call: Call) -> Answer:
    """Say no."""
    return await _tell(call, c.RefuseApproval(reason=call.body.reason))


async def way_back(call: Call) -> Answer:
    """Record a rehearsal of the way back."""
    body: WayBack = call.body
    return await tell(call, RecordWayBack(passed=body.passed, evidence=body.evidence, at=micros_of(body.at) if body.at else 0))


async def _tell(call: Call, command: Any) -> Answer:
    await require_owned(call, _ANYBODYS)
    return await tell(call, command)


def _proven(call: Call) -> dict[str, Any]:
    """What the token says of who answers; nobody can claim it in a body. Raises HttpProblem where a second factor is missing."""
    principal = call.principal
    if call.edge.settings.mfa_everywhere and not principal.second_factor:
        raise HttpProblem("mfa_required")
    return {"roles": principal.claimed, "second_factor": principal.second_factor}


ROUTES = (
    operation("approve", "approveMigration", "Let a migration that awaits approval go on", Approve, APPROVERS, approve, _MFA),
    operation("refuse", "refuseApproval", "Refuse the approval; it is rolled back", WithReason, APPROVERS, refuse),
    operation("delegate-approval", "delegateApproval", "Hand your right to approve to another person", Delegate, APPROVERS, delegate, _MFA),
    operation("way-back", "recordWayBack", "Record that the way back was rehearsed elsewhere", WayBack, OPERATORS, way_back),
    operation("waive-approval", "waiveApproval", "Let it pass the gate without what that asks for", Waive, ADMINS, waive, _MFA),
)
