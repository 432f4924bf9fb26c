"""Values inside state records, and events, that a release with older schemas wrote are read by the one that comes after it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts import avro
from libs.contracts.avro import Schema, Undecodable, decode_value, encode_value, hash_of, schema_of
from libs.contracts.catalogue import MESSAGES
from libs.contracts.envelope import CommandEnvelope, follow
from libs.contracts.migration.events import MigrationResumed
from libs.contracts.migration.request import Request
from libs.runtime import codec as codec_module
from libs.runtime.codec import Codec, Headers
from libs.runtime.registry import Registry

REQUEST = Request(provider="postgres", application="billing", source="{}", target="{}")


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[type[Any], Schema]:
    """Schemas in which Request and MigrationResumed have a second version, and the first lacked their last member."""
    shutil.copytree(avro.ROOT / "schemas", tmp_path / "schemas")
    monkeypatch.setattr(avro, "ROOT", tmp_path)
    found = dict(avro.schemas())
    for message in MESSAGES:
        if message.model in (Request, MigrationResumed):
            first = tmp_path / message.schema_path
            document = json.loads(first.read_text())
            document["fields"][-1].setdefault("default", "")
            first.with_name(first.name.replace("v1", "v2")).write_text(json.dumps(document))
            document["fields"].pop()
            first.write_text(json.dumps(document))
            found[message.model] = Schema(replace(message, version=2))
    monkeypatch.setattr(avro, "schemas", lambda: found)
    return found


def written_before(schema: Schema, value: Any, envelope: Any = None) -> bytes:
    """The body as the first version had it: the last member is a string or list that is empty, one zero byte."""
    body = schema.encode(value, envelope)
    assert body[-1:] == b"\0"
    return body[:-1]


def test_a_request_kept_in_state_is_read_by_the_next_release_R12(next_release: dict[type[Any], Schema]) -> None:
    assert decode_value(Request, b"\1" + written_before(next_release[Request], REQUEST)) == REQUEST
    assert encode_value(REQUEST)[0] == 2
    assert decode_value(Request, encode_value(REQUEST)) == REQUEST


def test_a_value_of_a_later_release_is_told_from_garbage_R12() -> None:
    with pytest.raises(Undecodable, match="version 7; this release knows versions up to 1"):
        decode_value(Request, b"\7" + encode_value(REQUEST)[1:])


def test_an_event_of_an_earlier_release_is_read_without_a_registry_and_keeps_its_hash_X7(
    next_release: dict[type[Any], Schema], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_module, "schema_of", lambda model: next_release[model])
    schema = next_release[MigrationResumed]
    cause = CommandEnvelope(
        command_id="c", tenant="acme", aggregate="m-1", environment="dev", actor="a", correlation_id="c", occurred_at=1
    )  # fmt: skip
    envelope = follow(cause, ordinal=0, version=3, recorded_at=2, previous=b"before", digest=b"")
    event = MigrationResumed(reason="go on", phase="")
    body = written_before(schema, event, envelope)
    mark = schema.former(1).fingerprint

    headers: Headers = [("ce_dataschema", b"urn:avro:sha-256:" + mark.hex().encode())]
    decoded = Codec(Registry("http://nowhere"), "t", "test").decode("t.migration.events", b"acme/m-1", b"\0" + bytes(4) + body, headers)

    assert (decoded.envelope, decoded.body) == (envelope, event)
    assert decoded.hash == hash_of(mark, body) != hash_of(schema_of(MigrationResumed).fingerprint, body)
