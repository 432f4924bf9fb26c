"""Kafka records in decoded batches, for a sink: from stored positions on, in a thread of its caller's choice."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec, Decoded
from libs.runtime.errors import BrokenHistory, Poison, RegistryUnavailable, Verdict, kafka_verdict
from libs.runtime.received import Received, received

_log = structlog.get_logger()
Place = tuple[str, int]
LOOK_AT_END_US = 1_000_000
GATHER_S = 0.025
"""How long a batch is gathered from its first record on: rows are as much older, and a migration whose events come every few
milliseconds takes half as many transactions from the processors that also move it on."""


class Taken(msgspec.Struct, frozen=True):
    """One record read. `content` is Poison when it cannot be decoded; `at` is its Kafka timestamp, in microseconds since the epoch."""

    record: Received
    at: int
    content: Decoded | Poison


class Complete(NamedTuple):
    """Everything committed to a partition before `at` stands before `offset`."""

    at: int
    offset: int


class Batch(NamedTuple):
    """Records read in one go, where reading of each partition began and ended, and which partitions were read to their end."""

    records: list[Taken]
    begins: dict[Place, int]
    ends: dict[Place, int]
    complete: dict[Place, Complete]


class Batches:
    """Reads batches. The consumer, with `enable.partition.eof`, belongs to it alone; `stopping` ends a wait for the registry."""

    def __init__(
        self, consumer: Consumer, admin: AdminClient, codec: Codec, stored: Callable[[list[Place]], dict[Place, int]], max_batch: int
    ) -> None:
        self.consumer, self._admin, self._codec, self._stored, self._max_batch = consumer, admin, codec, stored, max_batch
        self.stopping = threading.Event()
        self._until: dict[Place, int] = {}
        self._next: dict[Place, int] = {}
        self._end: dict[Place, int] = {}
        self._looked_at = 0

    def subscribe(self, topics: list[str]) -> None:
        """Read as a member of the consumer's group."""
        self.consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def bound(self, until: dict[Place, int]) -> None:
        """Read these partitions up to these offsets."""
        self._until = until
        self._assigned(self.consumer, [TopicPartition(*place) for place in until])

    def again(self) -> None:
        """Go back to the stored positions."""
        self._assigned(self.consumer, self.consumer.assignment())

    def done(self) -> bool:
        """Whether the offsets given to `bound` are reached."""
        return all(max(self._next[place], self._end.get(place, 0)) >= end for place, end in self._until.items())

    def read(self) -> Batch:
        """What there is to read now, after a quarter of a second at most. Raises KafkaException for what does not pass by itself."""
        assignment = self._next
        first = self.consumer.poll(0.2)
        messages = [] if first is None else [first, *self.consumer.consume(self._max_batch - 1, GATHER_S)]
        if messages and assignment is not self._next:  # the first message may be of the assignment before
            self.again()
            messages = []
        records: list[Taken] = []
        begins: dict[Place, int] = {}
        for message in messages:
            error = message.error()
            if error is None:
                self._take(message, records, begins)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._end[message.topic() or "", message.partition() or 0] = message.offset() or 0
            elif kafka_verdict(error) is Verdict.STOP:
                raise KafkaException(error)
        return Batch(records, begins, {place: self._next[place] for place in begins}, self._complete())

    def _take(self, message: Message, records: list[Taken], begins: dict[Place, int]) -> None:
        record = received(message)
        place = record[:2]
        if place in self._until and record.offset >= self._until[place]:
            self._end[place] = record.offset
            return
        if place not in begins:
            begins[place] = self._next[place]
        self._next[place] = record.offset + 1
        records.append(Taken(record, message.timestamp()[1] * 1_000, self._decode(record)))

    def _decode(self, record: Received) -> Decoded | Poison:
        while True:
            try:
                return self._codec.decode(record.topic, record.key, record.value, record.headers)
            except Poison as poison:
                _log.warning("poison", topic=record.topic, partition=record.partition, offset=record.offset, reason=poison.reason)
                return Poison(poison.reason, poison.detail)  # without the frames that the raised one holds on to
            except RegistryUnavailable as error:
                if self.stopping.wait(1.0):
                    raise
                _log.warning("waiting for the schema registry", error=str(error))

    def _complete(self) -> dict[Place, Complete]:
        """Partitions of which everything committed before now was read; asked once a second."""
        now = now_us()
        if now < self._looked_at + LOOK_AT_END_US:
            return {}
        self._looked_at = now
        seen = {place: max(end, self._next[place]) for place, end in self._end.items() if place in self._next}
        ends = kafka.committed_ends(self._admin, [*seen])
        return {place: Complete(now, self._next[place]) for place, end in ends.items() if end <= seen[place]}

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [(partition.topic, partition.partition) for partition in partitions]
        self._next, self._end = self._stored(places), {}
        for place, end in kafka.committed_ends(self._admin, places).items():
            if end < (offset := self._next.get(place, 0)):
                raise BrokenHistory(f"{place[0]}/{place[1]} ends before offset {offset}, up to which it was read: was the topic recreated?")
        consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])
        _log.info("assigned", positions={f"{topic}/{partition}": offset for (topic, partition), offset in self._next.items()})

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        _log.info("revoked", partitions=len(partitions))
