"""Rows of the read models as the API shows them: camelCase, times as RFC 3339, nothing that only the log's inside needs."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field
from pydantic.alias_generators import to_camel

from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.edge.gate_documents import EvidenceDocument, GateDocument, ReversibilityDocument, gate_document, reversibility_document

_TIMES = frozenset(
    {
        "due_at",
        "requested_at",
        "updated_at",
        "wake_at",
        "archived_at",
        "next_deadline",
        "overlap_until",
        "not_before",
        "deadline",
        "read_at",
        "at",
    }
)
_NAMES: dict[str, str] = {}


class WorkDocument(Document):
    """One work item in flight."""

    work_id: str = Field(description="Idempotency key of the work towards the outside world")
    worker: str = Field(description="Service that carries it out")
    step: int = Field(description="Index of the step; -1 for none")
    chunk: str = Field(description="Index of the chunk; - for none")
    direction: str = Field(description="apply, undo, check, plan or tell")
    round: int = Field(description="Rises when a step was undone")
    fence: int = Field(description="Rises with every dispatch")
    attempt: int = Field(description="Number of this attempt, from 1")
    not_before: str | None = Field(description="Earliest start")
    deadline: str | None = Field(description="When the attempt counts as unknown")


class MigrationDocument(Document):
    """One migration."""

    id: str
    version: int = Field(description="Version of the aggregate; the entity tag")
    status: str = Field(description="Phase of its current step, how it ended, or archived")
    status_event: str = Field(description="Id of the event that brought the status")
    ended: bool = Field(description="Whether nothing follows any more")
    provider: str
    application: str
    wave: str
    labels: dict[str, str]
    depends_on: list[str]
    limits: list[str] = Field(description="Capacities that it asked for a slot of; those of its wave come on top")
    source: Any = Field(description="As it was asked for")
    target: Any = Field(description="As it was asked for")
    options: Any = Field(description="As they were asked for")
    due_at: str | None
    on_failure: str
    approval: bool
    rehearses: str = Field(description="Migration whose way back it rehearses by going back; empty for none")
    requested_at: str | None
    requested_by: str = Field(description="Opaque id of who asked for it")
    correlation_id: str
    updated_at: str | None
    updated_event: str = Field(description="Id of its last event")
    step: int = Field(description="Index of the step last begun; -1 before the first")
    step_name: str
    steps: int = Field(description="Steps of its plan; 0 before it is planned")
    steps_done: int
    round: int
    past_point_of_no_return: bool
    wake_at: str | None = Field(description="When it goes on by itself; of one that has ended, when it is archived")
    ended_as: str = Field(description="How it had ended, once it is archived; empty before")
    archived_at: str | None = Field(description="When it left live state; its history stays readable")
    reason: str = Field(description="Why it is paused, goes back, or ended before its time")
    problem: dict[str, Any] | None = Field(description="The last problem reported")
    work: list[WorkDocument] = Field(description="Work in flight")
    gate: GateDocument | None = Field(description="The go/no-go gate that it awaits approval at")
    reversibility: ReversibilityDocument = Field(description="Whether, and how long, there is a way back, and when that was last rehearsed")


class OneMigration(MigrationDocument):
    """One migration, and the position that the answer reflects."""

    evidence: list[EvidenceDocument] = Field(description="What the gate rests on: the checks that succeeded before it; none elsewhere")
    position: str


_MIGRATION = tuple(name for name in MigrationDocument.model_fields if name != "reversibility")


def migration_document(row: dict[str, Any]) -> dict[str, Any]:
    """A migration's row, its JSON columns parsed, as `MigrationDocument` describes it."""
    shown = picked(row | {"past_point_of_no_return": row["crossed"]}, _MIGRATION)
    work = [work_document(one) for one in row["work"]]
    return shown | {"work": work, "gate": gate_document(row["gate"]), "reversibility": reversibility_document(row)}


def work_document(work: dict[str, Any]) -> dict[str, Any]:
    """A work item as `WorkDocument` describes it."""
    return picked(work, tuple(WorkDocument.model_fields))


def picked(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """These columns of a row, under the names and in the form of the API."""
    return {camel(name): _shown(name, row[name]) for name in names}


def camel(name: str) -> str:
    """Name of a column in the API."""
    found = _NAMES.get(name)
    if found is None:
        found = _NAMES[name] = to_camel(name)
    return found


def _shown(name: str, value: Any) -> Any:
    if name not in _TIMES:
        return value
    return time_of(value) if value else None


class TermsDocument(Document):
    """What it takes to pass a go/no-go gate."""

    before: str
    roles: list[str]
    quorum: int
    mfa: bool
    expires_s: int
    answer_within_s: int
    way_back_max_age_s: int


class StepDocument(Document):
    """One step of a plan."""

    name: str
    phase: str
    kind: str = Field(description="act, check or wait")
    title: str
    parameters: Any
    compensation: str = Field(description="What undoing it does; empty for nothing")
    point_of_no_return: bool
    attempts: int
    timeout_ms: int
    backoff_ms: int
    chunks: int
    window: int
    wait_for: str
    wait_ms: int
    estimate_ms: int
    approval: TermsDocument | None = Field(description="For a go/no-go gate: what it takes to pass, where more than one yes of anybody")


class DeliveryDocument(Document):
    """One message to one endpoint."""

    id: str
    version: int
    status: str = Field(description="sending, delivered or failed")
    subscription: str
    migration: str
    event_type: str
    event_id: str
    channel: str
    url: str
    key_generation: int = Field(description="Generation of the signing secret")
    correlation_id: str
    requested_at: str | None
    updated_at: str | None
    updated_event: str
    attempts: int
    status_code: int = Field(description="Last HTTP status received; 0 for none")
    error: str
    work: list[WorkDocument] = Field(description="The attempt that is due")


class SubscriptionDocument(Document):
    """Who wants to be told of which events."""

    id: str
    version: int
    status: str = Field(description="active, disabled or deleted")
    url: str
    event_types: list[str]
    channel: str
    description: str
    reason: str
    generation: int = Field(description="Generation of the signing secret")
    overlap_until: str | None = Field(description="Until when the former secret signs as well")
    requested_at: str | None
    requested_by: str
    updated_at: str | None
    updated_event: str


def delivery_document(row: dict[str, Any]) -> dict[str, Any]:
    """A delivery's row as `DeliveryDocument` describes it."""
    shown = picked(row, tuple(DeliveryDocument.model_fields))
    return shown | {"work": [work_document(work) for work in row["work"]]}


def subscription_document(row: dict[str, Any]) -> dict[str, Any]:
    """A subscription's row, its event types parsed, as `SubscriptionDocument` describes it."""
    return picked(row, tuple(SubscriptionDocument.model_fields))
