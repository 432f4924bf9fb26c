"""Schema ids: registered for what we write, looked up for what others wrote. Our own records are read without it.

Subjects are `<topic>-<record name>` (TopicRecordNameStrategy), set statically.
"""

import json
import time
from typing import Any, NamedTuple

from confluent_kafka.schema_registry import Schema as RegisteredSchema
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from fastavro import parse_schema

from libs.contracts.avro import Schema, fingerprint_of, plain
from libs.runtime.errors import Poison, RegistryUnavailable

_FORGET_UNKNOWN_AFTER_S = 60.0
_UNKNOWN_KEPT = 65_536


class Writer(NamedTuple):
    """The schema that a record was written with: its full name, parsed, and its fingerprint, which the chain hash covers."""

    name: str
    schema: Any
    fingerprint: bytes


class Registry:
    """Ids and writer schemas, each asked for once in the life of the process."""

    def __init__(self, url: str) -> None:
        self._client = SchemaRegistryClient({"url": url, "timeout": 5, "max.retries": 0})
        self._ids: dict[tuple[str, str], int] = {}
        self._writers: dict[int, Writer] = {}
        self._unknown: dict[int, float] = {}

    def id_for(self, topic: str, schema: Schema) -> int:
        """Id under which records of this schema are written to this topic; registers it if it is new.

        Raises RegistryUnavailable when the registry does not answer, and SchemaRegistryError when it refuses the schema
        as incompatible: a defect of the release.
        """
        known = self._ids.get((topic, schema.full_name))
        if known is not None:
            return known
        try:
            id_ = self._client.register_schema(f"{topic}-{schema.full_name}", RegisteredSchema(schema.text, "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code in (409, 422):
                raise
            raise RegistryUnavailable(str(error)) from error
        except Exception as error:  # transport errors of whatever HTTP library the client uses
            raise RegistryUnavailable(f"schema registry: {error}") from error
        self._ids[topic, schema.full_name] = id_
        return id_

    def writer(self, id_: int) -> Writer:
        """The schema that a record not written by this release was written with.

        Raises Poison when the registry does not know the id (remembered for a minute) and RegistryUnavailable.
        """
        if id_ in self._writers:
            return self._writers[id_]
        if self._unknown.get(id_, 0.0) > time.monotonic():
            raise Poison("unknown_schema", f"schema id {id_} is not registered")
        self._writers[id_] = _parsed(id_, self._text_of(id_))
        return self._writers[id_]

    def _text_of(self, id_: int) -> str:
        try:
            return self._client.get_schema(id_).schema_str or ""
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                self._remember_unknown(id_)
                raise Poison("unknown_schema", f"schema id {id_} is not registered") from error
            raise RegistryUnavailable(str(error)) from error
        except Exception as error:  # transport errors of whatever HTTP library the client uses
            raise RegistryUnavailable(f"schema registry: {error}") from error

    def _remember_unknown(self, id_: int) -> None:
        if len(self._unknown) >= _UNKNOWN_KEPT:
            self._unknown.clear()
        self._unknown[id_] = time.monotonic() + _FORGET_UNKNOWN_AFTER_S


def _parsed(id_: int, text: str) -> Writer:
    try:
        document = json.loads(text)
        parsed: Any = parse_schema(plain(document))
        name = str(parsed.get("name", "")) if isinstance(parsed, dict) else ""
        return Writer(name, parsed, fingerprint_of(document))
    except Exception as error:  # a JSON Schema or a Protobuf file trips the parser in whatever way it likes
        raise Poison("unknown_schema", f"schema id {id_} is no Avro schema: {error}") from error
