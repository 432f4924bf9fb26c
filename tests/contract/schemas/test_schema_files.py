"""Every message has a schema file with a sentence on every field, and every file belongs to a message."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastavro import parse_schema

from libs.contracts.avro import ROOT, schema_of
from libs.contracts.catalogue import MESSAGES, Message
from libs.testing.released import edited, files, listed, main

FILES = sorted((ROOT / "schemas").rglob("*.avsc"))
NAME = re.compile(r"schemas/(?P<folder>\w+)/(?P<name>[A-Z]\w+)\.v(?P<version>[1-9]\d*)\.avsc")


def records(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema
        for part in (*(field["type"] for field in schema.get("fields", ())), schema.get("items"), schema.get("values")):
            yield from records(part)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_what_each_field_means_R12(path: Any) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    parse_schema(schema)
    for record in records(schema):
        assert record["doc"].endswith("."), record["name"]
        for field in record["fields"]:
            assert field["doc"].endswith("."), f"{record['name']}.{field['name']}"


def test_every_file_belongs_to_a_message_and_every_message_has_all_versions_up_to_its_own_R12() -> None:
    expected = {
        message.schema_path.replace(f".v{message.version}.", f".v{version}.")
        for message in MESSAGES
        for version in range(1, message.version + 1)
    }

    assert {path.relative_to(ROOT).as_posix() for path in FILES} == expected


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.folder}-{message.name}")
def test_the_record_is_named_like_its_file_R12(message: Message) -> None:
    matched = NAME.fullmatch(message.schema_path)

    assert matched is not None
    assert schema_of(message.model).full_name.rpartition(".")[2] == matched["name"]


def test_no_shipped_file_was_edited_R12() -> None:
    assert edited(listed(), files()) == [], "write the next version; see libs/testing/released.py"


def test_every_file_is_on_the_list_R12() -> None:
    assert set(files()) == set(listed()), "run python -m libs.testing.released"


def test_an_edit_a_loss_and_nothing_else_counts_as_edited_R12() -> None:
    shipped = {"a": "1", "b": "2", "c": "3"}

    assert edited(shipped, {"a": "1", "b": "other", "d": "4"}) == ["b", "c"]


def test_the_command_refuses_an_edited_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "released.sha256"
    path.write_text(f"{'0' * 64}  {next(iter(files()))}\n")
    monkeypatch.setattr("libs.testing.released.LIST", path)
    monkeypatch.setattr("libs.testing.released.listed", lambda: listed(path))

    assert main([]) == 1
    assert "must not change" in capsys.readouterr().out
    assert main(["--before-release"]) == 0
    assert main([]) == 0
    assert listed(path) == files()
