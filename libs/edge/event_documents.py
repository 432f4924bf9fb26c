"""An event as the API shows it, in timelines and streams alike."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pydantic import Field

from libs.edge.decisions import Document

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventDocument(Document):
    """One event of the log."""

    event_id: str = Field(description="Id of the event")
    type: str = Field(description="Name of its record, e.g. StepSucceeded")
    aggregate: str = Field(description="Kind of aggregate: migration, delivery, subscription or capacity")
    id: str = Field(description="Id of the aggregate")
    version: int = Field(description="Position in the aggregate's history, from 1; 0 for a refusal outside any history")
    actor: str = Field(description="Opaque id of who asked")
    correlation_id: str = Field(description="Id of the first request in the chain")
    causation_id: str = Field(description="Id of the command that it answers")
    occurred_at: str = Field(description="When it happened, by the sender's clock (RFC 3339)")
    recorded_at: str = Field(description="When the log learned it (RFC 3339)")
    previous: str = Field(description="Hash of the aggregate's previous event, in hexadecimal digits")
    data: dict[str, Any] = Field(description="What happened, with the fields of its Avro schema")


def time_of(micros: int) -> str:
    """Microseconds since the epoch as RFC 3339 has it."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def event_document(aggregate: str, envelope: Any, body: Any) -> dict[str, Any]:
    """The document of an event, as `EventDocument` describes it."""
    return {
        "eventId": envelope.event_id,
        "type": type(body).__name__,
        "aggregate": aggregate,
        "id": envelope.aggregate,
        "version": envelope.version,
        "actor": envelope.actor,
        "correlationId": envelope.correlation_id,
        "causationId": envelope.causation_id,
        "occurredAt": time_of(envelope.occurred_at),
        "recordedAt": time_of(envelope.recorded_at),
        "previous": envelope.previous.hex(),
        "data": msgspec.to_builtins(body),
    }
