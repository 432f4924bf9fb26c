"""Envelopes out of event bodies, by the schema that a record names: only the first field is decoded. Pure."""

import io
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form

from libs.contracts.avro import ROOT, plain

URN = b"urn:avro:sha-256:"


class Header(NamedTuple):
    """What the audit needs of an event's envelope."""

    tenant: str
    aggregate: str
    version: int
    previous: bytes
    event_id: str


class Unreadable(ValueError):
    """A record holds no event that can be read; the message says why."""


class Envelopes:
    """Reads envelopes of events whose schemas it was given; `texts` are schema documents (JSON)."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._parsed: dict[bytes, tuple[bytes, str, Any]] = {}
        for text in texts:
            with suppress(Exception):  # a schema that was damaged is one not known: its events will say so
                self._add(json.loads(text))

    def _add(self, document: Any) -> None:
        fields = document["fields"]
        if fields[0]["name"] == "envelope":
            named = fingerprint(to_parsing_canonical_form(document), "SHA-256")
            first = plain(document) | {"fields": plain(fields[:1])}
            self._parsed[URN + named.encode()] = (bytes.fromhex(named), document["name"], parse_schema(first))

    def read(self, named: bytes, value: bytes) -> tuple[bytes, str, Header]:
        """Fingerprint, record name and envelope of an event. `named` is its `ce_dataschema`. Raises Unreadable."""
        known = self._parsed.get(named)
        if known is None:
            raise Unreadable(f"its header ce_dataschema names no schema known here ({named[:100]!r})")
        if len(value) < 5 or value[0] != 0:
            raise Unreadable("its value is not in the Confluent wire format")
        stream = io.BytesIO(value)
        stream.seek(5)
        try:
            found: Any = schemaless_reader(stream, known[2], None)
            held = found["envelope"]
            return known[0], known[1], Header(held["tenant"], held["aggregate"], held["version"], held["previous"], held["event_id"])
        except Exception as error:  # fastavro raises whatever the garbage happens to trip over
            raise Unreadable(f"its value is no {known[1]}: {type(error).__name__}") from error


def shipped() -> list[str]:
    """Every schema document in `schemas/`, former versions included."""
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "schemas").glob("*/*.avsc"))]
