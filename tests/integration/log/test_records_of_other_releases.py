"""Records that another release wrote, or nobody of ours: read by the schema they name, and their chain hash is the one they were given."""

import hashlib
import json
from io import BytesIO
from typing import Any

import httpx2
import pytest
from fastavro import parse_schema, schemaless_writer

from libs.contracts.avro import fingerprint_of, hash_of, plain, schema_of
from libs.contracts.envelope import CommandEnvelope, follow, key_of
from libs.contracts.migration.events import MigrationPaused
from libs.contracts.topics import events_of
from libs.runtime.codec import Codec
from libs.runtime.errors import Poison
from libs.runtime.registry import Registry
from libs.testing.servers import SharedServers

CAUSE = CommandEnvelope(
    command_id="c", tenant="acme", aggregate="m-1", environment="dev", actor="a", correlation_id="c", occurred_at=1
)  # fmt: skip


def registered(stack: SharedServers, subject: str, document: Any, kind: str = "AVRO") -> int:
    answer = httpx2.post(f"{stack.registry}/subjects/{subject}/versions", json={"schema": json.dumps(document), "schemaType": kind})
    found: int = answer.raise_for_status().json()["id"]
    return found


@pytest.fixture
def codec(stack: SharedServers, prefix: str) -> Codec:
    return Codec(Registry(stack.registry), prefix, "test")


def test_an_event_of_another_release_is_read_and_keeps_its_hash_X7(stack: SharedServers, prefix: str, codec: Codec) -> None:
    topic, schema = events_of(prefix, "migration"), schema_of(MigrationPaused)
    document = json.loads(schema.text)
    document["fields"].append({"name": "mood", "type": "string", "default": "", "doc": "What next year's release knows besides."})
    id_ = registered(stack, f"{topic}-{schema.full_name}", document)
    envelope = follow(CAUSE, ordinal=0, version=3, recorded_at=2, previous=b"before", digest=b"")
    body = BytesIO()
    record = {"envelope": {name: getattr(envelope, name) for name in envelope.__struct_fields__}, "reason": "lunch", "mood": "calm"}
    schemaless_writer(body, parse_schema(plain(document)), record)
    mark = fingerprint_of(document)

    headers = [("ce_dataschema", b"urn:avro:sha-256:" + mark.hex().encode())]
    value = b"\0" + id_.to_bytes(4, "big") + body.getvalue()
    decoded = codec.decode(topic, key_of("acme", "m-1"), value, headers)

    assert mark != schema.fingerprint
    assert (decoded.envelope, decoded.body) == (envelope, MigrationPaused(reason="lunch"))
    assert decoded.hash == hash_of(mark, body.getvalue()) == hashlib.sha256(mark + body.getvalue()).digest()


def test_a_schema_id_that_is_no_avro_schema_is_poison_and_not_waited_for_D7(stack: SharedServers, prefix: str, codec: Codec) -> None:
    document = {"type": "object", "properties": {"a": {"type": "string"}}}
    id_ = registered(stack, f"{prefix}-json", document, kind="JSON")

    with pytest.raises(Poison, match="is no Avro schema"):
        codec.decode(events_of(prefix, "migration"), b"acme/m-1", b"\0" + id_.to_bytes(4, "big") + b"{}", [])
