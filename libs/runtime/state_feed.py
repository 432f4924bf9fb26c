"""Reads the compacted state topics for a worker, in a thread, and hands on what concerns it.

On assignment a partition is read from the beginning, and nothing of it is handed on before its end is reached: only the
latest state of an aggregate says what is to be done (D3). Headers tell who has work, so most records are never decoded.
"""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from prometheus_client import Counter

from libs.runtime.codec import Codec
from libs.runtime.errors import Poison, Verdict, kafka_verdict
from libs.runtime.received import Received, received

_log = structlog.get_logger()
LONGEST_NUMBER = 20
"""A wake with as many digits is no time (RFC 3339 ends at 18 digits of microseconds), and may be too long for `int`."""
REFUSED = Counter("whimbrel_states_refused_total", "Records on state topics that the validator did not write", ["worker"])


class Update(NamedTuple):
    """The latest state of one aggregate. `state` is None when the worker has nothing to do with it any more."""

    topic: str
    partition: int
    key: bytes
    state: Any
    wake_at: int
    traceparent: bytes


class StateFeed:
    """Feeds updates to `deliver`, which is called from the feed's thread with a batch; `dropped` with partitions lost."""

    def __init__(
        self,
        consumer: Consumer,
        codec: Codec,
        topics: list[str],
        worker: str,
        *,
        wakes: bool,
        deliver: Callable[[list[Update]], object],
        dropped: Callable[[set[tuple[str, int]]], object],
        died: Callable[[BaseException], object],
    ) -> None:
        self._consumer, self._codec, self._topics = consumer, codec, topics
        self._worker, self._wakes = worker.encode(), wakes
        self._deliver, self._dropped, self._died = deliver, dropped, died
        self._concerned: dict[tuple[str, int], set[bytes]] = {}
        self._behind: dict[tuple[str, int], dict[bytes, Received]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="state-feed", daemon=True)

    @property
    def caught_up(self) -> bool:
        """Whether partitions are assigned and each was read to its end."""
        return bool(self._concerned) and not self._behind

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading and leave; returns when the thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
            while not self._stopping.is_set():
                self._step()
            self._consumer.close()
        except BaseException as error:
            self._died(error)

    def _step(self) -> None:
        first = self._consumer.poll(0.2)
        if first is None:
            return
        updates: dict[tuple[str, bytes], Update] = {}
        for message in [first, *self._consumer.consume(5_000, 0)]:
            error = message.error()
            if error is None:
                self._take(received(message), updates)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._reached_end((message.topic() or "", message.partition() or 0), updates)
            elif kafka_verdict(error) is Verdict.STOP:
                raise KafkaException(error)
        if updates:
            self._deliver(list(updates.values()))

    def _take(self, record: Received, updates: dict[tuple[str, bytes], Update]) -> None:
        place, key = record[:2], record.key or b""
        concerned = self._concerned.get(place)
        if concerned is None:  # taken away while the batch was read
            return
        asks = _asks(record)
        if asks is None:
            self._refuse(record, "the headers are not those of a state")
            return
        work, wake = asks
        wake_at = int(wake) if self._wakes else 0
        concerns = wake_at or self._worker in work.split(b",")
        behind = self._behind.get(place)
        if behind is not None:
            behind.pop(key, None)
            if concerns:
                behind[key] = record
        elif concerns:
            self._update(record, key, wake_at, updates)
        elif key in concerned:
            concerned.discard(key)
            updates[record.topic, key] = Update(*place, key, None, 0, b"")

    def _reached_end(self, place: tuple[str, int], updates: dict[tuple[str, bytes], Update]) -> None:
        for record in self._behind.pop(place, {}).values():
            self._take(record, updates)

    def _update(self, record: Received, key: bytes, wake_at: int, updates: dict[tuple[str, bytes], Update]) -> None:
        try:
            decoded = self._codec.decode(record.topic, key, record.value, record.headers)
        except Poison as poison:
            self._refuse(record, poison.detail)
            return
        self._concerned[record[:2]].add(key)
        updates[record.topic, key] = Update(*record[:2], key, decoded.body, wake_at, decoded.traceparent)

    def _refuse(self, record: Received, detail: str) -> None:
        """What the validator did not write is ignored: the state before it goes on holding."""
        if record.value is not None or record.key in self._concerned[record.topic, record.partition]:
            REFUSED.labels(self._worker.decode()).inc()
            _log.error("state refused", topic=record.topic, partition=record.partition, offset=record.offset, detail=detail)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            place.offset = OFFSET_BEGINNING
            self._behind[place.topic, place.partition] = {}
            self._concerned[place.topic, place.partition] = set()
        consumer.assign(partitions)
        _log.info("assigned", partitions=[f"{p.topic}/{p.partition}" for p in partitions])

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        places = {(p.topic, p.partition) for p in partitions}
        for place in places:
            self._behind.pop(place, None)
            self._concerned.pop(place, None)
        self._dropped(places)


def _asks(record: Received) -> tuple[bytes, bytes] | None:
    """Who has something to do, and when to wake; None when the headers are no state's: version and wake are numbers, work names workers."""
    match record.headers:
        case [("ce_dataschema", _), _, ("version", version), ("work", work), ("wake", wake), ("traceparent", _)]:
            pass  # as the validator writes them, so that only a stranger's are looked up by name
        case others:
            named = dict(others)
            if "ce_dataschema" not in named:
                return None
            version, work, wake = named.get("version"), named.get("work"), named.get("wake")
    if record.value is None or not (isinstance(version, bytes) and isinstance(work, bytes) and isinstance(wake, bytes)):
        return None
    return (work, wake) if version.isdigit() and wake.isdigit() and len(wake) < LONGEST_NUMBER else None
