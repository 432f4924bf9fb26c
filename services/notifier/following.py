"""Reads compacted topics to their end by hand: where the end is, and what stands before it.

The end asked for is that of uncommitted records, and it is reached when the client says so (PARTITION_EOF), not when the last
record arrives: the last records of a partition may be transaction markers, which are never handed on.
"""

from collections.abc import Callable, Iterable
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.errors import Verdict, kafka_verdict

END_SEEN_MS = 200
"""How long a broker holds an empty answer back, and so how late the end of a partition is seen: that is waited for only after
a subscription has changed, while every answer costs the broker the same all day."""
GATHER_S = 0.05
"""How long a batch is gathered: so much later for a message, a great deal less work when many events come."""
_BATCH = 5_000
_CALL_S = 10


def gathered(consumer: Consumer) -> list[Message]:
    """The next batch, without errors; empty when nothing comes for a while. Raises KafkaException for a fault that cannot pass."""
    first = consumer.poll(0.2)
    if first is None:
        return []
    batch = [first, *consumer.consume(_BATCH, GATHER_S)]
    faults = [error for message in batch if (error := message.error()) is not None]
    for error in faults:
        if kafka_verdict(error) is Verdict.STOP:
            raise KafkaException(error)
    return [message for message in batch if message.error() is None] if faults else batch


class Follower:
    """Follows partitions of one topic from their beginning. Belongs to one thread."""

    def __init__(self, bootstrap: str, topic: str, partitions: Iterable[int]) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._places = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
        self._reached = {place.partition: 0 for place in self._places}
        self._consumer = kafka.reader(
            bootstrap,
            **{
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 16_384,
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": END_SEEN_MS,
            },
        )
        self._consumer.assign(self._places)

    def catch_up(self, take: Callable[[Message], object], stopping: Callable[[], bool]) -> bool:
        """Hand on everything that was written before this call; False when `stopping` came first. Raises KafkaException."""
        ends = self._ends()
        while any(self._reached[partition] < end for partition, end in ends.items()):
            if stopping():
                return False
            for message in self._consumer.consume(_BATCH, 0.02):
                error = message.error()
                if error is None:
                    take(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._reached[message.partition() or 0] = message.offset() or 0
                elif kafka_verdict(error) is Verdict.STOP:
                    raise KafkaException(error)
        return True

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _ends(self) -> dict[int, int]:
        latest = cast(Callable[[], OffsetSpec], OffsetSpec.latest)
        asked = {TopicPartition(place.topic, place.partition): latest() for place in self._places}
        found = self._admin.list_offsets(asked, request_timeout=_CALL_S)
        return {place.partition: future.result(_CALL_S).offset for place, future in found.items()}


def first_times(consumer: Consumer, places: list[TopicPartition], stopping: Callable[[], bool]) -> dict[int, int]:
    """Milliseconds since the epoch of the first record at or after each place, now where there is none yet."""
    found = dict.fromkeys((place.partition for place in places), now_us() // 1_000)
    waiting = set(found)
    consumer.assign(places)
    while waiting and not stopping():
        for message in consumer.consume(_BATCH, 0.05):
            partition, error = message.partition() or 0, message.error()
            if error is None and partition in waiting:
                found[partition] = message.timestamp()[1]
            elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                if kafka_verdict(error) is Verdict.STOP:
                    raise KafkaException(error)
                continue
            waiting.discard(partition)
    return found
