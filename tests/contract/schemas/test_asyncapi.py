"""`schemas/asyncapi.json` is what the tables and schema files say, and is a sound AsyncAPI 3.0 document."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from libs.contracts import asyncapi
from libs.contracts.avro import ROOT
from libs.contracts.catalogue import MESSAGES
from libs.contracts.topics import TOPICS

DOCUMENT: dict[str, Any] = json.loads(asyncapi.PATH.read_text(encoding="utf-8"))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolved(pointer: str) -> Any:
    value: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        value = value[part]
    return value


def test_the_file_is_what_the_tables_say_T1() -> None:
    assert asyncapi.PATH.read_text(encoding="utf-8") == asyncapi.text(), "run python -m libs.contracts.asyncapi"


def test_every_reference_leads_somewhere_T1() -> None:
    found = set(references(DOCUMENT))

    for reference in found:
        assert resolved(reference) if reference.startswith("#/") else (ROOT / "schemas" / reference).is_file(), reference
    assert {f"./{message.schema_path.removeprefix('schemas/')}" for message in MESSAGES if message.topic} <= found


def test_it_has_what_the_specification_requires_T1() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for name, operation in DOCUMENT["operations"].items():
        assert operation["action"] in ("send", "receive"), name
    for kind in ("messages", "schemas"):
        assert all(re.fullmatch(r"[\w.\-]+", key) for key in DOCUMENT["components"][kind])
    for channel in DOCUMENT["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_channel_names_its_messages_settings_writers_and_readers_T1(topic: Any) -> None:
    channel = DOCUMENT["channels"][topic.name]
    operations = {name: operation for name, operation in DOCUMENT["operations"].items() if name.endswith(f".{topic.name}")}

    assert set(channel["messages"]) == {message.name for message in MESSAGES if message.topic == topic.name}
    assert channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [topic.config["cleanup.policy"]]
    assert set(operations) == {f"{w}.send.{topic.name}" for w in topic.writers} | {f"{r}.receive.{topic.name}" for r in topic.readers}
