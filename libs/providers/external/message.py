"""What another system is told of a work item. The same attempt told again is the same message, to the byte."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from libs.providers.base import Assignment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WorkData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt at one work item."""

    work_id: str
    """Idempotency key, and the id of the message: repeats and further attempts keep it."""
    attempt: int
    """Which try this is; a report names it."""
    fence: int
    """Rises with everything told about this migration: what has a lower one than was seen must change nothing any more."""
    deadline: str
    """Until when the attempt must be reported (RFC 3339); after that it counts as failed."""
    tenant: str
    migration: str
    step: str
    """Name of the step in the options of the request."""
    kind: str
    """act or check: whether the step changes the world."""
    phase: str
    chunk: str
    """Index of the chunk as digits, or - for the whole step."""
    chunks: int
    parameters: dict[str, Any]
    source: dict[str, Any]
    target: dict[str, Any]
    report: str
    """Path of the API to report to; progress goes to the same path with `progress` in the place of `report`."""
    ticket: str
    """Give it back with the report: it proves that the report is about this attempt and nothing else."""

    @property
    def direction(self) -> str:
        """apply, check or undo."""
        return self.work_id.split("/")[-2]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body, in the form that Standard Webhooks recommends."""

    type: str
    """work.apply, work.check or work.undo."""
    timestamp: str
    """When the attempt began (RFC 3339)."""
    data: WorkData


def message_of(work: Assignment, ticket: str) -> str:
    """The message as JSON."""
    request, step = work.request, work.step
    data = WorkData(
        work_id=work.work_id,
        attempt=work.attempt,
        fence=work.fence,
        deadline=_time(work.deadline),
        tenant=request.tenant,
        migration=request.migration,
        step=step.name,
        kind=step.kind,
        phase=step.phase,
        chunk=work.chunk,
        chunks=step.chunks,
        parameters=work.parameters,
        source=request.source,
        target=request.target,
        report=f"/v1/work-items/{work.work_id}/report",
        ticket=ticket,
    )
    began = _time(work.deadline - step.timeout_ms * 1_000)
    message = Message(type=f"work.{data.direction}", timestamp=began, data=data)
    return msgspec.json.encode(message, order="deterministic").decode()


def micros_of(time: str) -> int:
    """Microseconds since the epoch of a time in a message."""
    return (datetime.fromisoformat(time) - _EPOCH) // datetime.resolution


def _time(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"
