"""A go/no-go gate as the API shows it: what it takes to pass, who has said what, and what it rests on."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from libs.domain.holdup import Evidence
from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.readmodel.approvals import missing

_TIMES = frozenset({"since", "answerBy", "at", "lapsesAt", "until"})


class ApprovalDocument(Document):
    """One approval that counts."""

    by: str = Field(description="Subject id of who approved")
    on_behalf_of: str = Field(description="Subject id of who handed on the right that was used; empty for their own")
    at: str
    reason: str
    lapses_at: str | None = Field(description="When it lapses unless what it is for has begun")
    evidence_version: int = Field(description="Version of the migration that was approved")
    second_factor: str = Field(description="Claim of the token that proved a second factor; empty when none did")
    event: str = Field(description="Id of the event")


class DelegationDocument(Document):
    """One right to approve that was handed on."""

    by: str
    to: str
    until: str
    reason: str
    event: str


class WaiverDocument(Document):
    """That the gate was waived: no approval."""

    by: str
    until: str = Field(description="When it lapses unless the migration has gone on")
    reason: str
    at: str
    event: str


class GateDocument(Document):
    """The go/no-go gate that a migration awaits approval at."""

    step: int = Field(description="Index of the gate in the plan")
    name: str
    roles: list[str] = Field(description="Roles of which each approver's token needs one; none: any approver")
    quorum: int = Field(description="How many different people must approve")
    missing: int = Field(description="How many more must")
    mfa: bool = Field(description="Whether the gate itself asks for a second factor; in prod every approval does")
    expires_s: int = Field(description="Seconds after which an approval lapses; 0 for never")
    since: str
    answer_by: str | None = Field(description="When the gate has failed unless it was approved by then")
    evidence_version: int = Field(
        description="Version from which on everything that it rests on is known; an approval of an older one is refused"
    )
    event: str = Field(description="Id of the event that asked")
    approvals: list[ApprovalDocument]
    delegations: list[DelegationDocument]
    waiver: WaiverDocument | None


class EvidenceDocument(Document):
    """One check that succeeded before the gate."""

    step: str = Field(description="Name of the step")
    facts: dict[str, Any] = Field(description="What was found")
    at: str
    version: int = Field(description="Version of the migration with it")
    event: str = Field(description="Id of the event")


def gate_document(gate: dict[str, Any] | None) -> dict[str, Any] | None:
    """A row's gate as `GateDocument` describes it."""
    return _shown(gate) | {"missing": missing(gate)} if gate else None


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in part.items()}


def _value(name: str, value: Any) -> Any:
    if name in _TIMES:
        return time_of(value) if value else None
    if isinstance(value, list):
        return [_shown(one) if isinstance(one, dict) else one for one in value]
    return _shown(value) if isinstance(value, dict) else value


def evidence_documents(found: Iterable[Evidence]) -> list[dict[str, Any]]:
    """What a gate rests on as `EvidenceDocument` describes it."""
    return [one._asdict() | {"facts": dict(one.facts), "at": time_of(one.at)} for one in found]
