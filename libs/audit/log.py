"""The log as it stands in Kafka, for the audit: every record of its topics, partition by partition."""

import time
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from libs.audit.record import LogRecord, Place
from libs.contracts.topics import AGGREGATES
from libs.runtime import kafka
from libs.runtime.errors import Misconfigured
from libs.runtime.received import received

EVENTS = tuple(f"{aggregate}.events" for aggregate in AGGREGATES)
COMMANDS = tuple(f"{aggregate}.commands" for aggregate in AGGREGATES)
LETTERS = ("dead-letters",)
LIMIT_S = 60.0
"""How long one partition may give nothing before reading it is given up."""


def records(bootstrap: str, prefix: str, topics: Sequence[str] = EVENTS, until: Mapping[Place, int] | None = None) -> Iterator[LogRecord]:
    """Every committed record up to now of these topics of the prefix, in their order; only those before `until` where that is given,
    and none of partitions that it does not name.

    Raises Misconfigured when the prefix has none of them, KafkaException, TimeoutError.
    """
    reader = _reader(bootstrap)
    try:
        for place in places(reader, prefix, topics):
            if until is None or place in until:
                yield from _of_partition(reader, *place, None if until is None else until[place])
    finally:
        reader.close()


def ends(bootstrap: str, prefix: str, topics: Sequence[str] = EVENTS) -> dict[Place, int]:
    """Where what is committed now ends, in each partition of these topics. Raises Misconfigured, KafkaException."""
    reader = _reader(bootstrap)
    try:
        return {place: kafka.edges(reader, *place)[1] for place in places(reader, prefix, topics)}
    finally:
        reader.close()


def first_times(bootstrap: str, begins: Mapping[Place, int]) -> list[int]:
    """Kafka's timestamps, in milliseconds since the epoch, of the first committed record from an offset on, where there is one.

    Raises KafkaException, TimeoutError.
    """
    if not begins:
        return []
    reader, waiting, found = _reader(bootstrap), set(begins), list[int]()
    reader.assign([TopicPartition(*place, offset) for place, offset in begins.items()])
    given_up = time.monotonic() + LIMIT_S
    try:
        while waiting:
            message = reader.poll(0.5)
            if time.monotonic() > given_up:
                raise TimeoutError(f"Kafka gave nothing of {sorted(waiting)[0]} for {LIMIT_S:.0f} s")
            error, place = (message.error(), (message.topic() or "", message.partition() or 0)) if message else (None, ("", -1))
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if message is not None and error is None and place in waiting:
                found.append(message.timestamp()[1])
            waiting.discard(place)
    finally:
        reader.close()
    return found


def _reader(bootstrap: str) -> Consumer:
    return kafka.reader(bootstrap, **{"enable.partition.eof": True, "fetch.wait.max.ms": 20, "log_level": 0})


def places(reader: Consumer, prefix: str, names: Sequence[str] = EVENTS) -> list[Place]:
    """Partitions of the topics, in order."""
    known = reader.list_topics(timeout=10).topics
    topics = [f"{prefix}.{name}" for name in names]
    if not any(topic in known for topic in topics):
        raise Misconfigured(f"there are no topics {prefix}.*.events: check the prefix, or make them with whimbrel provision")
    return [(topic, partition) for topic in topics if topic in known for partition in sorted(known[topic].partitions)]


def _of_partition(reader: Consumer, topic: str, partition: int, until: int | None) -> Iterator[LogRecord]:
    """Records up to the end that the partition has when this begins, or that was given."""
    begin, end = kafka.edges(reader, topic, partition)
    end = end if until is None else min(end, until)
    if begin >= end:
        return
    reader.assign([TopicPartition(topic, partition, begin)])
    given_up = time.monotonic() + LIMIT_S
    while time.monotonic() < given_up:
        first = reader.poll(0.5)
        for message in [] if first is None else [first, *reader.consume(10_000, 0)]:
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            if error is not None:
                raise KafkaException(error)
            given_up, offset = time.monotonic() + LIMIT_S, message.offset() or 0
            if offset >= end:
                return
            found = received(message)
            headers = tuple((name, value if isinstance(value, bytes) else b"") for name, value in found.headers)
            yield LogRecord(topic, partition, offset, message.timestamp()[1], found.key or b"", found.value or b"", headers)
    raise TimeoutError(f"Kafka gave nothing of {topic}/{partition} for {LIMIT_S:.0f} s")
