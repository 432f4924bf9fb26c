"""Events as the read models take them: where they stand in the log, and the bytes they have there."""

from functools import cache
from typing import Any

import msgspec

from libs.contracts.avro import Schema, hash_of, schema_of
from libs.contracts.catalogue import EVENT, MESSAGES, Message
from libs.contracts.envelope import EventEnvelope
from libs.runtime.codec import Decoded, urn_of
from libs.runtime.received import Received

KINDS: dict[str, int] = {"migration": 1, "delivery": 2, "subscription": 3, "capacity": 4, "wave": 5}
"""Number of each aggregate in the event table. Never renumber: rows hold them."""
LONGEST_INDEXED = 200
"""Characters that are kept of a text that can be searched for, so that no index entry outgrows its page."""
_WIRE_PREFIX = 5
_MESSAGES: dict[tuple[int, str], Message] = {
    (KINDS[message.folder], message.name): message for message in MESSAGES if message.role == EVENT and message.folder in KINDS
}


class Fact(msgspec.Struct, frozen=True):
    """One event and its place: `pos` is its offset in the partition of its aggregate's event topic."""

    kind: int
    partition: int
    pos: int
    envelope: EventEnvelope
    body: Any
    hash: bytes
    """What the aggregate's next event carries as `previous`."""


EventRow = tuple[int, int, int, str, str, int, str, int, int, str | None, bytes]
EVENT_COLUMNS = ("kind", "partition", "pos", "tenant", "aggregate", "version", "type", "schema", "recorded_at", "client_command", "record")


def text(value: str, longest: int = LONGEST_INDEXED) -> str:
    """A text as PostgreSQL can hold and index it: without NUL, and not longer than `longest` characters."""
    return value[:longest].replace("\0", "\ufffd")


@cache
def _written() -> dict[type[Any], tuple[str, int, tuple[str, bytes]]]:
    """Name and version of each event type, and the first header of records that its present schema wrote."""
    return {message.model: (message.name, message.version, ("ce_dataschema", urn_of(message.model))) for message in _MESSAGES.values()}


def event_row(fact: Fact, record: Received) -> EventRow:
    """The event's row. Its bytes are those of the log unless another schema wrote them."""
    envelope, (name, version, ours) = fact.envelope, _written()[type(fact.body)]
    value, headers = record.value, record.headers
    return (
        fact.kind,
        fact.partition,
        fact.pos,
        envelope.tenant,
        envelope.aggregate,
        envelope.version,
        name,
        version,
        envelope.recorded_at,
        text(envelope.causation_id) if envelope.command_digest else None,
        value[_WIRE_PREFIX:] if value and headers and headers[0] == ours else schema_of(type(fact.body)).encode(fact.body, envelope),
    )


def fact_of(record: Received, kind: int, decoded: Decoded) -> Fact:
    """A decoded event as a fact."""
    return Fact(kind, record.partition, record.offset, decoded.envelope, decoded.body, decoded.hash)


def stored_fact(row: Any) -> Fact:
    """The fact in a row of the event table (columns kind, partition, pos, type, schema, record)."""
    message = _MESSAGES[row["kind"], row["type"]]
    schema: Schema = schema_of(message.model)
    writer, mark = None, schema.fingerprint
    if row["schema"] != message.version:
        _, writer, mark = schema.former(row["schema"])
    envelope, body = schema.decode(row["record"], writer)
    return Fact(row["kind"], row["partition"], row["pos"], envelope, body, hash_of(mark, row["record"]))
