"""Avro bodies of the messages: schema files compiled once, models to bytes and back. Pure.

Logical types are stripped for encoding and decoding here (the bytes are the same), so that times stay int microseconds
instead of becoming datetime objects. The hash that chains events is SHA-256(fingerprint of the schema || Avro body).
"""

import hashlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form
from msgspec.structs import replace

from libs.contracts.catalogue import MESSAGES, Message
from libs.contracts.decoder import compile_decoder
from libs.contracts.encoder import compile_encoder

ROOT = Path(__file__).resolve().parents[2]
_BYTES = (bytes,)
T = TypeVar("T")


class Undecodable(ValueError):
    """Bytes that are no valid encoding of the record they claim to be."""


def plain(schema: Any) -> Any:
    """The same schema without logical types."""
    if isinstance(schema, dict):
        return {name: plain(value) for name, value in schema.items() if name != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema


def fingerprint_of(document: Any) -> bytes:
    """SHA-256 of a schema's parsing canonical form (Avro specification, "Parsing Canonical Form for Schemas")."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(document), "SHA-256"))


class Foreign(NamedTuple):
    """A schema that another release writes with, or a stranger: its name, parsed, and its fingerprint, which the chain hash covers."""

    name: str
    parsed: Any
    fingerprint: bytes


def foreign(text: str) -> Foreign:
    """The schema in a text. Raises ValueError when it is no Avro schema."""
    try:
        document = json.loads(text)
        parsed: Any = parse_schema(plain(document))
        return Foreign(str(parsed.get("name", "")) if isinstance(parsed, dict) else "", parsed, fingerprint_of(document))
    except Exception as error:  # a JSON Schema or a Protobuf file trips the parser in whatever way it likes
        raise ValueError(f"no Avro schema: {error}") from error


class Schema:
    """The compiled schema of one message.

    `text` is the file as shipped, `fingerprint` that of `fingerprint_of`, `full_name` the Avro full name.
    """

    def __init__(self, message: Message) -> None:
        self.model = message.model
        self.envelope = message.envelope
        self.text = (ROOT / message.schema_path).read_text(encoding="utf-8")
        self.path = message.schema_path
        self.version = message.version
        self._message = message
        document = json.loads(self.text)
        self.full_name = f"{document['namespace']}.{document['name']}"
        self.fingerprint = fingerprint_of(document)
        self._parsed = parse_schema(plain(document))
        self._encode = compile_encoder(plain(document))
        self._decode = compile_decoder(plain(document), self.model, self.envelope)

    def former(self, version: int) -> Foreign:
        """An earlier version of the schema; shipped files stay (`schemas/`). Raises Undecodable for a version not known here."""
        path = ROOT / replace(self._message, version=version).schema_path
        if not 0 < version < self.version:
            raise Undecodable(f"{self.full_name} in version {version}; this release knows versions up to {self.version}")
        return _former(path)

    def formers(self) -> list[Foreign]:
        """Every earlier version of the schema."""
        return [self.former(version) for version in range(1, self.version)]

    def encode(self, body: Any, envelope: Any = None) -> bytes:
        """Avro body of a message. Raises AttributeError, TypeError or ValueError when the model does not fit: a defect."""
        return self._encode(body, envelope)

    def decode(self, body: bytes, writer: Any = None) -> tuple[Any, Any]:
        """Envelope (None where there is none) and model. `writer` is the parsed schema it was written with, if another.

        Raises Undecodable for anything that is not exactly one such record.
        """
        if writer is None:
            try:
                return self._decode(body)
            except Exception:  # not the plain form: fastavro takes it, or says what is wrong with it
                return self._decode_any(body, writer)
        return self._decode_any(body, writer)

    def _decode_any(self, body: bytes, writer: Any) -> tuple[Any, Any]:
        stream = io.BytesIO(body)
        try:
            record: Any = schemaless_reader(stream, self._parsed if writer is None else writer, None if writer is None else self._parsed)
            if stream.tell() != len(body):
                raise Undecodable(f"{len(body) - stream.tell()} bytes follow the end of {self.full_name}")
            envelope = msgspec.convert(record.pop("envelope"), self.envelope, builtin_types=_BYTES) if self.envelope else None
            return envelope, msgspec.convert(record, self.model, builtin_types=_BYTES)
        except Undecodable:
            raise
        except Exception as error:  # fastavro raises whatever the garbage happens to trip over
            raise Undecodable(f"not a {self.full_name}: {type(error).__name__}: {error}") from error


@cache
def _former(path: Path) -> Foreign:
    return foreign(path.read_text(encoding="utf-8"))


@cache
def schemas() -> dict[type[Any], Schema]:
    """Compiled schemas of the newest version of every message, by model."""
    return {message.model: Schema(message) for message in MESSAGES}


def schema_of(model: type[Any]) -> Schema:
    """Compiled schema of a model. Raises KeyError for a class that is no message."""
    return schemas()[model]


def encode_value(value: Any) -> bytes:
    """A value that travels inside a state record, e.g. a Plan: the version of its schema in one byte, then its Avro body."""
    schema = schema_of(type(value))
    return bytes((schema.version,)) + schema.encode(value)


def decode_value(model: type[T], body: bytes) -> T:
    """The value that `encode_value` encoded, in this release or an earlier one. Raises Undecodable."""
    schema = schema_of(model)
    writer = None if body[0] == schema.version else schema.former(body[0]).parsed
    value: T = schema.decode(body[1:], writer)[1]
    return value


def hash_of(schema_fingerprint: bytes, body: bytes) -> bytes:
    """Hash that the next event of the aggregate carries as `previous`. The formula is part of the audit: never change it."""
    return hashlib.sha256(schema_fingerprint + body).digest()
