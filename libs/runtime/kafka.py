"""Settings of the Kafka clients (D10: each line was seen to matter), and the topics of a prefix."""

import time
from collections.abc import Callable, Collection
from typing import Any, cast

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from libs.contracts.topics import TOPICS
from libs.runtime.connections import Transactional
from libs.runtime.errors import Misconfigured

PARTITIONER = "murmur2_random"
"""The same as the Java client's default, so that every producer agrees where a key lives."""
EDGES_S, AGAIN_S = 30.0, 0.2
MAX_BYTES = max(topic.max_message_bytes for topic in TOPICS)


def consumer(bootstrap: str, group: str, slot: int, **overrides: Any) -> Consumer:
    """A consumer with static membership: a restarted process gets its partitions back without waiting for a timeout."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.instance.id": f"{group}-{slot}",
            "group.protocol": "classic",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 12_000,
            "heartbeat.interval.ms": 3_000,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.message.max.bytes": MAX_BYTES,
            "fetch.wait.max.ms": 500,
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 32_768,
            "allow.auto.create.topics": False,
            **overrides,
        }
    )


def reader(bootstrap: str, **overrides: Any) -> Consumer:
    """A consumer outside any group, for assigning partitions by hand. It commits nothing."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "whimbrel-reader",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": MAX_BYTES,
        "enable.partition.eof": False,
        "allow.auto.create.topics": False,
    }
    return Consumer(settings | overrides)


def transactional(bootstrap: str, transactional_id: str, **overrides: Any) -> Transactional:
    """A transactional producer. After any abort, exception or broken connection it is never used again (KAFKA-17754)."""
    # It lingers because what it is given is sent when it is told to flush, which waits for nothing, in as few requests as can be.
    settings = {"transactional.id": transactional_id, "transaction.timeout.ms": 12_000, "linger.ms": 100}
    return Transactional(_producer_settings(bootstrap) | settings | overrides)


def producer(bootstrap: str, **overrides: Any) -> Producer:
    """An idempotent producer (acks=all)."""
    return Producer(_producer_settings(bootstrap) | overrides)


def _producer_settings(bootstrap: str) -> dict[str, Any]:
    # One request in flight: what arrives meanwhile forms the next batch, so no lingering is needed, and on a topic made a
    # moment ago a second batch cannot be taken before a first one that is retried.
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        "linger.ms": 0,
        "max.in.flight.requests.per.connection": 1,
        "message.max.bytes": MAX_BYTES,
        "queue.buffering.max.messages": 500_000,
    }


def worker_producer(bootstrap: str) -> Producer:
    """A producer for reports: it never gives up while the process lives, and calls back only about failures."""
    return producer(bootstrap, **{"message.timeout.ms": 0, "delivery.report.only.error": True})


def create_topics(bootstrap: str, prefix: str, partitions: int, replication: int = 1) -> None:
    """Create the topics of a prefix, or find them. Raises Misconfigured when one exists with another partition count."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [NewTopic(f"{prefix}.{topic.name}", partitions, replication, config=topic.config) for topic in TOPICS]
    for name, future in admin.create_topics(wanted, operation_timeout=30).items():
        try:
            future.result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            found = partition_count(admin, name)
            if found != partitions:
                message = f"topic {name} has {found} partitions, not {partitions}; keys would move. Set WHIMBREL_PARTITIONS={found} or use a new prefix"
                raise Misconfigured(message) from error


def partition_count(admin: AdminClient, topic: str) -> int:
    """How many partitions a topic has; 0 when it does not exist."""
    metadata = admin.list_topics(topic, timeout=10).topics.get(topic)
    return len(metadata.partitions) if metadata and metadata.error is None else 0


def edges(reader: Consumer, topic: str, partition: int, patience_s: float = EDGES_S) -> tuple[int, int]:
    """Beginning and end of a partition as the reader may read it (committed records, or all). Raises KafkaException once patience is over.

    A partition that was made, or whose broker came back, a moment ago may not be led yet; the client asks only once.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=patience_s)
        except KafkaException:
            if time.monotonic() > until:
                raise
        time.sleep(AGAIN_S)


def committed_ends(admin: AdminClient, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Ends of the committed parts of partitions, as far as the brokers answer within five seconds; asked in one request.

    A consumer's own requests would wait for its fetches.
    """
    latest = cast(Callable[[], OffsetSpec], OffsetSpec.latest)
    wanted = {TopicPartition(*place): latest() for place in places}
    if not wanted:
        return {}
    asked = admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=5.0)
    answers = {(place.topic, place.partition): done.result().offset for place, done in asked.items() if done.exception() is None}
    # A partition that nobody leads is answered with -1, not with an error.
    return {place: end for place, end in answers.items() if end >= 0}


def reachable(bootstrap: str) -> Callable[[], bool]:
    """A function that says whether a broker answers now; it waits a second at most, and may be called from any thread."""
    admin = AdminClient({"bootstrap.servers": bootstrap})

    def answers() -> bool:
        try:
            return bool(admin.describe_cluster(request_timeout=1.0).result(1.5).cluster_id)
        except (KafkaException, TimeoutError):
            return False

    return answers
