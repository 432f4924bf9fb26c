"""What became of a command: its events turned into an answer, or into the problem that the refusal is."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from libs.contracts.refusal import CommandRefused
from libs.edge.awaiting import Seen
from libs.edge.problems import HttpProblem
from libs.readmodel.position import Position

_KINDS = {kind: kind for kind in ("not_found", "version_conflict", "key_reused", "mfa_required")}
_STATUS_OF = {
    "MigrationRequested": "requested",
    "MigrationPlanned": "planned",
    "MigrationRejected": "rejected",
    "MigrationPaused": "paused",
    "StopRequested": "stopping",
    "RollbackStarted": "rolling_back",
    "RollbackStuck": "rollback_stuck",
    "MigrationRolledBack": "rolled_back",
    "MigrationCancelled": "cancelled",
    "MigrationCompleted": "completed",
    "ApprovalRequested": "awaiting_approval",
    "WaitStarted": "waiting",
    "SubscriptionCreated": "active",
    "SubscriptionEnabled": "active",
    "SubscriptionDisabled": "disabled",
    "SubscriptionDeleted": "deleted",
    "DeliveryReplayed": "sending",
    "WavePaused": "paused",
    "WaveStopped": "stopped",
    "WaveCancelled": "cancelled",
    "WaveRollbackStarted": "rolling_back",
    "WaveRolledBack": "rolled_back",
    "WaveCompleted": "completed",
}


class Document(BaseModel):
    """Base of answers: camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Accepted(Document):
    """A command is on the log. What it leads to is decided by the validator."""

    id: str = Field(description="Id of what the command is about")
    command_id: str = Field(description="Id under which the command takes effect once")
    correlation_id: str = Field(description="Correlation id of everything that follows")


class Decision(Accepted):
    """A command was decided."""

    events: list[str] = Field(description="Types of the events that it led to, in order")
    version: int = Field(description="Version of the aggregate after them")
    status: str | None = Field(default=None, description="Status after them, where they changed it")
    position: str = Field(description="Position right after them; give it as min_position to read what was written")


def position_after(events: list[Seen]) -> Position:
    """The position that holds these events."""
    return Position({(seen.aggregate, seen.partition): seen.offset + 1 for seen in events})


def problem_of(refused: CommandRefused, version: int, position: Position) -> HttpProblem:
    """The problem that a refusal is to the caller."""
    kind = _KINDS.get(refused.code, "command_refused")
    extra = {"version": version} if version else {}
    return HttpProblem(refused.code, refused.message, kind=kind, extra=extra, headers={"Event-Position": str(position)})


def status_after(events: list[Any]) -> str | None:
    """Status that the last event which sets one leaves behind."""
    found = None
    for event in events:
        phase = getattr(event, "phase", None)
        found = phase if isinstance(phase, str) and phase else _STATUS_OF.get(type(event).__name__, found)
    return found
