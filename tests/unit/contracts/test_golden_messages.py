"""The bytes of every released message version are read by today's reader, and mean what they meant (R12)."""

import base64
import json
from typing import Any

import msgspec
import pytest
from fastavro import parse_schema

from libs.contracts.avro import ROOT, plain, schema_of
from libs.contracts.catalogue import MESSAGES
from libs.testing.examples import envelope_for
from libs.testing.golden import FOLDER, Body

RECORDED = [msgspec.json.decode(line, type=Body) for line in (FOLDER / "messages.jsonl").read_bytes().splitlines()]
MODELS = {message.schema_path.rpartition(".v")[0]: message.model for message in MESSAGES}


def says(now: Any, then: Any) -> bool:
    """Whether a value still says all that it said when it was recorded; fields added since do not count."""
    if isinstance(then, dict):
        return all(name in now and says(now[name], value) for name, value in then.items())
    if isinstance(then, list):
        return len(now) == len(then) and all(map(says, now, then))
    return bool(now == then)


@pytest.mark.parametrize("body", RECORDED, ids=lambda body: body.schema)
def test_recorded_bytes_mean_what_they_meant_R12(body: Body) -> None:
    schema = schema_of(MODELS[body.schema.rpartition(".v")[0]])
    writer = parse_schema(plain(json.loads((ROOT / body.schema).read_text(encoding="utf-8"))))

    envelope, read = schema.decode(base64.b64decode(body.avro), writer)

    assert envelope == envelope_for(schema.envelope)
    assert says(msgspec.json.decode(msgspec.json.encode(read)), body.says)


def test_every_version_of_every_message_is_recorded_R12() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "schemas").rglob("*.avsc")}

    assert {body.schema for body in RECORDED} == files, "run python -m libs.testing.golden"
