"""Everything the log says, read by a plain read_committed consumer and decoded from the shipped schema files alone.

Shares no code with the codec of the runtime: a defect there must not blind the checker.
"""

import hashlib
import io
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form

from libs.testing.waiting import wait_until

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"
URN = "urn:avro:sha-256:"
READ_LIMIT_S = 120.0


class Logged(NamedTuple):
    """One record. `kind` is the name of its Avro record, empty when it cannot be decoded; `hash` is what its successor must carry."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    kind: str
    body: dict[str, Any]
    hash: bytes
    headers: dict[str, bytes]

    @property
    def envelope(self) -> dict[str, Any]:
        """What a command or event says about itself."""
        found: dict[str, Any] = self.body["envelope"]
        return found


@dataclass(frozen=True)
class Recording:
    """What one prefix held when everything had come to rest. `committed` is the validator's progress per partition of commands."""

    commands: list[Logged] = field(default_factory=list)
    events: list[Logged] = field(default_factory=list)
    states: dict[bytes, Logged] = field(default_factory=dict)
    dead_letters: list[Logged] = field(default_factory=list)
    committed: dict[int, int] = field(default_factory=dict)

    def only(self, keys: set[bytes]) -> "Recording":
        """The part that concerns some aggregates."""
        return replace(
            self,
            commands=[record for record in self.commands if record.key in keys],
            events=[record for record in self.events if record.key in keys],
            states={key: state for key, state in self.states.items() if key in keys},
        )


class Schemas:
    """The shipped schema files by the SHA-256 of their canonical form."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Any, bytes]] = {}
        for path in sorted(SCHEMAS.rglob("*.avsc")):
            document = json.loads(path.read_text(), object_hook=_without_logical_type)
            mark = fingerprint(to_parsing_canonical_form(document), "SHA-256")
            self._known[mark] = (document["name"], parse_schema(document), bytes.fromhex(mark))

    def read(self, value: bytes, headers: dict[str, bytes]) -> tuple[str, dict[str, Any], bytes]:
        """Name of the record, its fields and its chain hash; three times nothing for what cannot be decoded."""
        known = self._known.get(headers.get("ce_dataschema", b"").decode(errors="replace").removeprefix(URN))
        if known is None or value[:1] != b"\0":
            return "", {}, b""
        name, parsed, mark = known
        try:
            stream = io.BytesIO(value[5:])
            body: Any = schemaless_reader(stream, parsed, None)
            whole = not stream.read(1)
        except Exception:  # fastavro raises whatever the garbage happens to trip over
            return "", {}, b""
        return (name, body, hashlib.sha256(mark + value[5:]).digest()) if whole else ("", {}, b"")


def _without_logical_type(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "logicalType"}


def _end(consumer: Consumer, place: TopicPartition, limit_s: float) -> int:
    """Where a partition ends, once it has a leader: one that was made a moment ago may have none yet."""
    found: list[int] = []

    def told() -> bool:
        with suppress(KafkaException):
            found.append(consumer.get_watermark_offsets(place, timeout=limit_s)[1])
        return bool(found)

    wait_until(told, f"{place.topic}/{place.partition} has a leader", limit_s)
    return found[0]


class Tape:
    """Follows topics from their beginning. `catch_up` returns what is new."""

    def __init__(self, bootstrap: str, topics: list[str], partitions: int) -> None:
        self._schemas = Schemas()
        settings = {
            "bootstrap.servers": bootstrap,
            "group.id": "whimbrel-checker",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._consumer = Consumer(settings)
        self._places = [TopicPartition(topic, number, 0) for topic in topics for number in range(partitions)]
        self._consumer.assign(self._places)

    def catch_up(self, limit_s: float = READ_LIMIT_S) -> list[Logged]:
        """What was committed since the last call, up to the end as it is now. Raises TimeoutError when nothing comes for `limit_s`."""
        ends = {(p.topic, p.partition): _end(self._consumer, p, limit_s) for p in self._places}
        reached = {(p.topic, p.partition): max(0, p.offset) for p in self._consumer.position(self._places)}
        found: list[Logged] = []
        until = time.monotonic() + limit_s
        while any(reached.get(place, 0) < end for place, end in ends.items()):
            if time.monotonic() > until:
                raise TimeoutError(f"nothing further came in {limit_s:.0f} s: {ends}, reached {reached}")
            more = self._some(reached)
            found += more
            until = time.monotonic() + limit_s if more else until
        return found

    def some(self) -> list[Logged]:
        """What is new and at hand; empty when nothing comes for a moment."""
        return self._some({})

    def _some(self, reached: dict[tuple[str, int], int]) -> list[Logged]:
        found: list[Logged] = []
        for message in self._consumer.consume(10_000, 0.05):
            error = message.error()
            if error is None:
                found.append(self._logged(message))
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                reached[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + (error is None)
        return found

    def close(self) -> None:
        """Let the connection go."""
        self._consumer.close()

    def _logged(self, message: Any) -> Logged:
        headers = {name: value for name, value in message.headers() or () if isinstance(value, bytes)}
        value = message.value() or b""
        kind, body, hash_ = self._schemas.read(value, headers)
        place = (message.topic(), message.partition(), message.offset(), message.timestamp()[1])
        return Logged(*place, message.key() or b"", value, kind, body, hash_, headers)


def record(bootstrap: str, prefix: str, aggregate: str, partitions: int) -> Recording:
    """Read a prefix from beginning to end. Raises TimeoutError."""
    names = {role: f"{prefix}.{aggregate}.{role}" for role in ("commands", "events", "state")}
    letters = f"{prefix}.dead-letters"
    tape = Tape(bootstrap, [*names.values(), letters], partitions)
    logged = tape.catch_up()
    tape.close()
    latest = {one.key: one for one in logged if one.topic == names["state"]}
    return Recording(
        commands=[one for one in logged if one.topic == names["commands"]],
        events=[one for one in logged if one.topic == names["events"]],
        states={key: one for key, one in latest.items() if one.value},
        dead_letters=[one for one in logged if one.topic == letters],
        committed=committed(bootstrap, f"{prefix}.validator", names["commands"], partitions),
    )


def committed(bootstrap: str, group: str, topic: str, partitions: int) -> dict[int, int]:
    """How far a group has come, per partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    places = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=30)
    consumer.close()
    return {place.partition: place.offset for place in places}


def ends(bootstrap: str, topic: str, partitions: int) -> dict[int, int]:
    """Where a topic ends, per partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "whimbrel-checker"})
    found = {number: _end(consumer, TopicPartition(topic, number), 30.0) for number in range(partitions)}
    consumer.close()
    return found
