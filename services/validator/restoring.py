"""Restore on assignment: the compacted state, then the tail of the events, folding what is newer than state.

After a torn transaction (KAFKA-17754) the log can be ahead of the state topic: such states are folded and written again, so
that workers see the work. State ahead of the log is a broken history: alarm and stop.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec.structs import replace

from libs.contracts.avro import schema_of
from libs.contracts.envelope import EventEnvelope
from libs.contracts.topics import events_of, state_of
from libs.domain.history import advance
from libs.runtime import kafka
from libs.runtime.codec import Codec, Record, header
from libs.runtime.errors import BrokenHistory
from libs.runtime.received import Received, received
from services.validator.state_records import state_record
from services.validator.store import Store

_log = structlog.get_logger()
TAIL = 20_000
"""Events of a partition read back at least: more than the largest batch writes."""
LIMIT_S = 300.0


class _Target(NamedTuple):
    topic: str
    partition: int
    start: int
    end: int


class Restorer:
    """Reads state and events of newly assigned partitions. `bootstrap` and `prefix` say where."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec) -> None:
        self._bootstrap, self._prefix, self._codec = bootstrap, prefix, codec
        self._edge_reader = kafka.reader(bootstrap, **{"isolation.level": "read_uncommitted"})

    def restore(self, wanted: Sequence[tuple[Store, int]]) -> list[tuple[str, int, Record]]:
        """Load the stores; returns state records to write because the log is ahead of them. Raises BrokenHistory."""
        if not wanted:
            return []
        began = time.monotonic()
        states = self._read([self._whole(store, partition) for store, partition in wanted], latest=True)
        tails = self._read([self._tail(store, partition) for store, partition in wanted], latest=False)
        repairs: list[tuple[str, int, Record]] = []
        for store, partition in wanted:
            name = store.decider.aggregate
            found = {m.key or b"": m for m in states.get((state_of(self._prefix, name), partition), ()) if m.value is not None}
            tail = tails.get((events_of(self._prefix, name), partition), [])
            store.load(partition, {key: (message.value or b"")[5:] for key, message in found.items()})
            repairs += self._fold(store, partition, found, tail)
        _log.info("restored", partitions=len(wanted), repaired=len(repairs), seconds=round(time.monotonic() - began, 3))
        return repairs

    def _whole(self, store: Store, partition: int) -> _Target:
        topic = state_of(self._prefix, store.decider.aggregate)
        return _Target(topic, partition, *self._edges(topic, partition))

    def _tail(self, store: Store, partition: int) -> _Target:
        topic = events_of(self._prefix, store.decider.aggregate)
        first, end = self._edges(topic, partition)
        return _Target(topic, partition, max(first, end - TAIL), end)

    def _edges(self, topic: str, partition: int) -> tuple[int, int]:
        """Beginning and end of a partition, uncommitted records included: a predecessor's open transaction must be waited for."""
        return self._edge_reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)

    def _read(self, targets: list[_Target], *, latest: bool) -> dict[tuple[str, int], list[Received]]:
        """Messages of each target up to its end; only the last of each key when `latest`."""
        open_ = {(t.topic, t.partition): t.end for t in targets if t.end > t.start}
        if not open_:
            return {}
        reader = kafka.reader(
            self._bootstrap, **{"enable.partition.eof": True, "queued.max.messages.kbytes": 65_536, "fetch.wait.max.ms": 50}
        )
        try:
            reader.assign([TopicPartition(t.topic, t.partition, t.start) for t in targets if t.end > t.start])
            return _collect(reader, open_, latest)
        finally:
            reader.close()

    def _fold(self, store: Store, partition: int, found: dict[bytes, Received], tail: list[Received]) -> list[tuple[str, int, Record]]:
        topic = events_of(self._prefix, store.decider.aggregate)
        versions: dict[bytes, int] = {}
        folded: dict[bytes, tuple[Any, bytes]] = {}
        for message in tail:
            key = message.key or b""
            version = int(header(message.headers, "ce_sequence") or b"0")
            if key not in versions:
                versions[key] = int(header(found[key].headers, "version")) if key in found else 0
            if version > versions[key]:
                decoded = self._codec.decode(topic, key, message.value, message.headers)
                state = folded[key][0] if key in folded else store.get(partition, key)
                folded[key] = (fold(store, key, state, decoded.envelope, decoded.body, decoded.hash), decoded.traceparent)
                versions[key] = version
        _refuse_state_ahead(found, tail)
        return [self._repair(store, partition, key, state, trace) for key, (state, trace) in folded.items()]

    def _repair(self, store: Store, partition: int, key: bytes, state: Any, trace: bytes) -> tuple[str, int, Record]:
        topic = state_of(self._prefix, store.decider.aggregate)
        store.put(partition, key, state, schema_of(type(state)).encode(state))
        return topic, partition, state_record(self._codec, topic, key, state, trace)


def fold(store: Store, key: bytes, state: Any, envelope: EventEnvelope, event: Any, hash_: bytes) -> Any:
    """State after an event. Raises BrokenHistory when version or hash do not follow."""
    stream = state.stream
    if envelope.version != stream.version + 1 or envelope.previous != stream.head:
        raise BrokenHistory(f"{key.decode()}: event {envelope.version} ({envelope.event_id}) does not follow version {stream.version}")
    return replace(store.decider.evolve(state, event), stream=advance(stream, envelope, hash_))


def _refuse_state_ahead(found: dict[bytes, Received], tail: list[Received]) -> None:
    last = {message.key or b"": int(header(message.headers, "ce_sequence") or b"0") for message in tail}
    for key, version in last.items():
        state = int(header(found[key].headers, "version")) if key in found else 0
        if state > version > 0:
            raise BrokenHistory(f"{key.decode()}: state is at version {state}, but its last event is {version}")


def _collect(reader: Consumer, open_: dict[tuple[str, int], int], latest: bool) -> dict[tuple[str, int], list[Received]]:
    # Of most records only the key is looked at, so they stay the client's objects until it is known which are the last.
    found: dict[tuple[str, int], dict[Any, Message]] = {place: {} for place in open_}
    until = time.monotonic() + LIMIT_S
    while open_:
        if time.monotonic() > until:
            raise BrokenHistory(f"could not read {sorted(open_)} to the end in {LIMIT_S:.0f} s; is a transaction left open?")
        for message in reader.consume(10_000, 0.05):
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                found[place][message.key() if latest else message.offset()] = message
            elif error.code() == KafkaError._PARTITION_EOF:
                if (message.offset() or 0) >= open_.get(place, 0):
                    open_.pop(place, None)
            elif error.fatal():
                raise KafkaException(error)
    return {place: [received(message) for message in messages.values()] for place, messages in found.items()}
