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
    way_back_max_age_s: int = Field(
        description="Seconds that the last passed rehearsal of the way back may be old; 0 when none is asked for"
    )
    since: str
    answer_by: str | None = Field(description="When the gate has failed unless it was approved by then")
    evidence_version: int = Field(
        description="Version from which on everything that it rests on is known; an approval of an older one is refused"
    )
    event: str = Field(description="Id of the event that asked")
    approvals: list[ApprovalDocument]
    delegations: list[DelegationDocument]
    waiver: WaiverDocument | None


class NoReturnDocument(Document):
    """The point of no return."""

    step: int = Field(description="Index of the step in the plan")
    name: str
    title: str = Field(description="What the step does")


class RehearsalDocument(Document):
    """The last rehearsal of the way back."""

    passed: bool = Field(description="Whether everything was undone")
    at: str
    by: str = Field(description="Id of the migration that went back, or of the person who recorded it")
    reason: str
    event: str = Field(description="Id of the event")


class ReversibilityDocument(Document):
    """Whether, and how long, there is a way back."""

    point_of_no_return: NoReturnDocument | None = Field(description="null before it is planned, and where the plan has none")
    crossed: bool
    open: bool = Field(description="Whether it can still go back")
    steps_left: int | None = Field(
        description="How many steps still come before the point of no return; null where there is none, or no way back"
    )
    until: str | None = Field(
        description="Earliest time at which that can begin, where it waits for a time before it; null where no time decides"
    )
    rehearsal: RehearsalDocument | None = Field(description="null when the way back was never rehearsed")


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


def reversibility_document(row: dict[str, Any]) -> dict[str, Any]:
    """A row's way back as `ReversibilityDocument` describes it."""
    final, is_open = row["no_return"], not (row["crossed"] or row["ended"])
    ahead = is_open and final is not None
    for_time = row["status"] == "waiting" and row["gate"] is None and row["wake_at"]
    waits = ahead and for_time and 0 <= row["step"] < final["step"]
    return {
        "pointOfNoReturn": final,
        "crossed": row["crossed"],
        "open": is_open,
        "stepsLeft": final["step"] - row["steps_done"] if ahead else None,
        "until": time_of(row["wake_at"]) if waits else None,
        "rehearsal": _shown(row["way_back"]) if row["way_back"] else None,
    }


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
