"""Messages to Kafka records and back: Confluent wire format, CloudEvents 1.0 binary headers, W3C trace context.

`ce_dataschema` names the schema by fingerprint, so our own records are read without a registry; records of others are
resolved by the schema id in the wire format.
"""

import struct
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from libs.contracts.avro import Schema, Undecodable, hash_of, schema_of
from libs.contracts.catalogue import MESSAGES
from libs.contracts.envelope import CommandEnvelope, EventEnvelope, key_of
from libs.contracts.values import END_OF_TIME
from libs.runtime.errors import Poison, RegistryUnavailable
from libs.runtime.registry import Registry

Headers = list[tuple[str, str | bytes | None]]
_FINGERPRINT_URN = b"urn:avro:sha-256:"
_PREFIX = struct.Struct(">bI")


class Record(NamedTuple):
    """What is produced to Kafka. `hash` chains an event to its successor; empty for other records."""

    key: bytes
    value: bytes
    headers: Headers
    hash: bytes = b""


class Erasure(NamedTuple):
    """What is produced to a compacted topic to make it forget a key."""

    key: bytes
    value: None = None
    headers: None = None


class Decoded(NamedTuple):
    """What was read from Kafka: `envelope` is None for state and values, `hash` is the chain hash of an event's bytes."""

    envelope: Any
    body: Any
    hash: bytes
    traceparent: bytes


@lru_cache(maxsize=4_096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4_096)
def rfc3339(micros: int) -> bytes:
    """A time in microseconds since the epoch as CloudEvents wants it. Cached: records of a batch share their times."""
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}Z".encode()


class Codec:
    """Encodes what this service writes and decodes what it reads. `prefix` is the topic prefix, `source` the CloudEvents source."""

    def __init__(self, registry: Registry, prefix: str, source: str) -> None:
        self._registry = registry
        self._source = f"/whimbrel/{source}".encode()
        self._frames: dict[tuple[type[Any], str], tuple[bytes, Headers]] = {}
        self._by_urn: dict[tuple[str, str | bytes | None], tuple[Schema, Any, bytes]] = {}
        self._by_name: dict[tuple[str, str], Schema] = {}
        for message in MESSAGES:
            if message.topic:
                schema, topic = schema_of(message.model), f"{prefix}.{message.topic}"
                self._by_urn[topic, _urn(schema.fingerprint)] = (schema, None, schema.fingerprint)
                for former in schema.formers():  # by its fingerprint: ids are another registry's once this one was lost
                    self._by_urn[topic, _urn(former.fingerprint)] = (schema, former.parsed, former.fingerprint)
                self._by_name[topic, schema.full_name] = schema

    def _frame(self, model: type[Any], topic: str) -> tuple[bytes, Headers]:
        """Wire-format prefix and constant headers of a message type on a topic."""
        frame = self._frames.get((model, topic))
        if frame is None:
            schema = schema_of(model)
            constant: Headers = [
                ("ce_dataschema", _urn(schema.fingerprint)),
                ("content-type", b"application/avro"),
                ("ce_specversion", b"1.0"),
                ("ce_source", self._source),
                ("ce_type", schema.full_name.encode()),
            ]
            frame = self._frames[model, topic] = (_PREFIX.pack(0, self._registry.id_for(topic, schema)), constant)
        return frame

    def register(self, prefix: str, topics: Collection[str] = ()) -> int:
        """Register every schema under its topic, or those of some topics; returns how many. Raises RegistryUnavailable."""
        wanted = [m for m in MESSAGES if m.topic and (not topics or m.topic in topics)]
        for model, topic in [(message.model, f"{prefix}.{message.topic}") for message in wanted]:
            self._frame(model, topic)
        return len(wanted)

    def register_soon(self, prefix: str, topics: Collection[str], after: Callable[[], object] = lambda: None) -> None:
        """Register in a thread, when `after` has returned there, what this process will write: a registry lost later is not missed."""

        def register() -> None:
            after()
            with suppress(RegistryUnavailable):
                self.register(prefix, topics)

        threading.Thread(target=register, name="register", daemon=True).start()

    def command(self, topic: str, envelope: CommandEnvelope, body: Any, traceparent: bytes) -> Record:
        """A command as a Kafka record."""
        prefix, constant = self._frame(type(body), topic)
        key = key_of(envelope.tenant, envelope.aggregate)
        headers = [
            *constant,
            ("ce_id", envelope.command_id.encode()),
            ("ce_time", rfc3339(envelope.occurred_at)),
            ("ce_subject", key),
            ("ce_partitionkey", key),
            ("ce_correlationid", envelope.correlation_id.encode()),
            ("traceparent", traceparent),
        ]
        return Record(key, prefix + schema_of(type(body)).encode(body, envelope), headers)

    def event(self, topic: str, envelope: EventEnvelope, body: Any, key: bytes, traceparent: bytes) -> Record:
        """An event as a Kafka record, with the hash that its successor carries."""
        prefix, constant = self._frame(type(body), topic)
        schema = schema_of(type(body))
        payload = schema.encode(body, envelope)
        headers = [
            *constant,
            ("ce_id", envelope.event_id.encode()),
            ("ce_time", rfc3339(envelope.occurred_at)),
            ("ce_subject", key),
            ("ce_partitionkey", key),
            ("ce_sequence", b"%020d" % envelope.version),
            ("ce_correlationid", envelope.correlation_id.encode()),
            ("ce_causationid", envelope.causation_id.encode()),
            ("ce_recordedtime", rfc3339(envelope.recorded_at)),
            ("traceparent", traceparent),
        ]
        return Record(key, prefix + payload, headers, hash_of(schema.fingerprint, payload))

    def plain(self, topic: str, body: Any, key: bytes, extra: Headers) -> Record:
        """A record without envelope: state, progress, a dead letter."""
        prefix, constant = self._frame(type(body), topic)
        return Record(key, prefix + schema_of(type(body)).encode(body), [*constant[:2], *extra])

    def decode(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None) -> Decoded:
        """The message in a record of one of our topics. Raises Poison for anything else, RegistryUnavailable."""
        if value is None:
            raise Poison("no_value", "the record has no value")
        if len(value) < 5 or value[0] != 0:
            raise Poison("not_wire_format", "the value does not begin with the byte 0 and a schema id (Confluent wire format)")
        schema, writer, mark = self._schema(topic, value, headers)
        payload = value[5:]
        try:
            envelope, body = schema.decode(payload, writer)
        except Undecodable as error:
            raise Poison("undecodable", str(error)) from error
        if envelope is not None:
            _check(key, envelope)
        hash_ = hash_of(mark, payload) if schema.envelope is EventEnvelope else b""
        return Decoded(envelope, body, hash_, header(headers, "traceparent"))

    def _schema(self, topic: str, value: bytes, headers: Headers | None) -> tuple[Schema, Any, bytes]:
        if headers and headers[0][0] == "ce_dataschema":
            known = self._by_urn.get((topic, headers[0][1]))
            if known is not None:
                return known
        name, writer, mark = self._registry.writer(_PREFIX.unpack_from(value)[1])
        schema = self._by_name.get((topic, name))
        if schema is None:
            raise Poison("unexpected_type", f"{name or 'a nameless record'} does not belong on {topic}")
        return schema, writer, mark


def _check(key: bytes | None, envelope: CommandEnvelope | EventEnvelope) -> None:
    """Tenant and aggregate are two names and the key: with a slash in a tenant, two tenants could have one key."""
    if not 0 <= envelope.occurred_at < END_OF_TIME:
        raise Poison("invalid_time", f"occurred_at is {envelope.occurred_at}; give microseconds since the epoch, before the year 10000")
    if key != key_of(envelope.tenant, envelope.aggregate):
        raise Poison("key_mismatch", f"the key is {key!r}, but the envelope says {envelope.tenant}/{envelope.aggregate}")
    if not envelope.tenant or not envelope.aggregate or "/" in envelope.tenant:
        raise Poison("invalid_key", f"the key is {key!r}; give a tenant without a slash, a slash, and the id of an aggregate")


def urn_of(model: type[Any]) -> bytes:
    """What `ce_dataschema` says in records of this model that are written now."""
    return _urn(schema_of(model).fingerprint)


@cache
def _urn(fingerprint: bytes) -> bytes:
    return _FINGERPRINT_URN + fingerprint.hex().encode()


def header(headers: Headers | None, name: str) -> bytes:
    """Value of the last header of that name; empty when there is none."""
    for key, value in reversed(headers or ()):
        if key == name:
            return value if isinstance(value, bytes) else b""
    return b""
