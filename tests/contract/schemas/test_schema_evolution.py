"""Every version of a message reads every other one: in both directions, and transitively (R12)."""

import io
import json
import re
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from libs.contracts.avro import ROOT, plain

FILES = sorted((ROOT / "schemas").rglob("*.avsc"))
FAMILIES: dict[str, list[Path]] = {}
for _path in FILES:
    FAMILIES.setdefault(re.sub(r"\.v\d+\.avsc$", "", _path.relative_to(ROOT).as_posix()), []).append(_path)

CHECKER: Any = ReaderWriterCompatibilityChecker
BASE: dict[str, Any] = {
    "type": "record",
    "name": "Thing",
    "namespace": "whimbrel",
    "fields": [{"name": "id", "type": "string"}, {"name": "count", "type": "int"}],
}


def reads(reader: str, writer: str) -> list[str]:
    """Why a reader cannot read what a writer wrote; empty when it can."""
    result = CHECKER().get_compatibility(parse(reader), parse(writer))
    return [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages)


def fully_compatible(schemas: list[str]) -> list[str]:
    """Every reason why some version cannot read another one; empty when each reads all (FULL_TRANSITIVE)."""
    return [reason for reader, writer in permutations(schemas, 2) for reason in reads(reader, writer)]


@pytest.mark.parametrize("family", FAMILIES)
def test_all_versions_of_a_message_read_each_other_R12(family: str) -> None:
    assert fully_compatible([path.read_text(encoding="utf-8") for path in FAMILIES[family]]) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_version_reads_itself_R12(family: str) -> None:
    for path in FAMILIES[family]:
        text = path.read_text(encoding="utf-8")
        assert reads(text, text) == []


def changed(**fields: Any) -> str:
    """The base with fields added, replaced or (None) removed."""
    known = {field["name"]: field for field in BASE["fields"]} | fields
    return json.dumps(BASE | {"fields": [field for field in known.values() if field is not None]})


NEXT = {
    "added with default": (changed(note={"name": "note", "type": "string", "default": ""}), True),
    "added nullable with default": (changed(note={"name": "note", "type": ["null", "string"], "default": None}), True),
    "added without default": (changed(note={"name": "note", "type": "string"}), False),
    "removed without default": (changed(count=None), False),
    "widened": (changed(count={"name": "count", "type": "long"}), False),
    "other type": (changed(count={"name": "count", "type": "string"}), False),
    "renamed": (changed(count=None, total={"name": "total", "type": "int", "default": 0}), False),
    "other record": (json.dumps(BASE | {"name": "Other"}), False),
}


@pytest.mark.parametrize("name", NEXT)
def test_what_may_change_and_what_may_not_R12(name: str) -> None:
    schema, allowed = NEXT[name]

    assert (fully_compatible([json.dumps(BASE), schema]) == []) == allowed


def test_a_break_with_the_version_before_last_is_found_R12() -> None:
    with_note = changed(note={"name": "note", "type": "string", "default": ""})
    other_note = changed(note={"name": "note", "type": "long", "default": 0})

    assert fully_compatible([json.dumps(BASE), other_note]) == []
    assert fully_compatible([with_note, json.dumps(BASE), other_note])


@pytest.mark.parametrize("name", [name for name, (_, allowed) in NEXT.items() if allowed])
def test_the_reader_we_use_agrees_R12(name: str) -> None:
    """Each side writes, the other reads: what is unknown is dropped, what is missing is the default."""
    old, new = (parse_schema(plain(json.loads(text))) for text in (json.dumps(BASE), NEXT[name][0]))
    written_old, written_new = {"id": "a", "count": 3}, {"id": "a", "count": 3, "note": "hello"}

    assert {**_resolve(old, new, written_old)}.items() >= written_old.items()
    assert _resolve(new, old, written_new) == written_old


def _resolve(writer: Any, reader: Any, record: dict[str, Any]) -> dict[str, Any]:
    out = io.BytesIO()
    schemaless_writer(out, writer, record)
    out.seek(0)
    read = schemaless_reader(out, writer, reader)
    assert isinstance(read, dict)
    return read
