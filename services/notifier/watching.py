"""The matcher's loop, in a thread of its own beside the sender: events in, requests for deliveries out, then offsets.

Correct under at-least-once: a crash repeats events, and a repeated request finds its delivery, which leaves nothing.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import Counter

from libs.contracts.topics import events_of, state_of
from libs.runtime import kafka
from libs.runtime.codec import Codec, Record
from libs.runtime.errors import RegistryUnavailable, Verdict, WhimbrelError, verdict_of
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings
from services.notifier.callbacks import Callbacks
from services.notifier.following import Follower, gathered
from services.notifier.matching import SERVICE, Matcher
from services.notifier.subscriptions import Subscriptions

_log = structlog.get_logger()
PAUSE_S = 0.5
EVENTS = Counter("whimbrel_notifier_events_total", "Events looked at")
REQUESTED = Counter("whimbrel_notifier_deliveries_requested_total", "Deliveries asked for")
T = TypeVar("T")


class Watching:
    """Runs the matcher until told to stop. `subscriptions` is kept up to date for the sender as well."""

    def __init__(self, settings: Settings, at_stop: Callable[[], object]) -> None:
        codec = Codec(Registry(settings.registry), settings.prefix, SERVICE)
        self.subscriptions = Subscriptions(codec)
        self._settings, self._codec = settings, codec
        self._callbacks = Callbacks(settings.kafka, settings.prefix, codec)
        self._consumer = kafka.consumer(
            settings.kafka,
            f"{settings.prefix}.{SERVICE}-matcher",
            settings.slot,
            **{"enable.auto.commit": True, "auto.commit.interval.ms": 1_000, "enable.auto.offset.store": False},
        )
        self._producer: Producer = kafka.worker_producer(settings.kafka)
        self._refused: list[str] = []
        self._assigned = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="matcher", daemon=True)
        self._died: Callable[[BaseException], object] = _log.error
        self._at_stop = at_stop

    @property
    def ready(self) -> bool:
        """Whether the table is complete and events are being read."""
        return self._assigned and self.subscriptions.loaded.is_set()

    def start(self, died: Callable[[BaseException], object]) -> None:
        """Begin; `died` is called from the thread with what ended it. Call it in the event loop."""
        self._died, self._loop = died, asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Begin to end; `at_stop` is called too."""
        self._stopping.set()
        self._at_stop()
        self.subscriptions.loaded.set()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            self._died(error)

    def _serve(self) -> None:
        table = Follower(self._settings.kafka, state_of(self._settings.prefix, "subscription"), range(self._partitions("subscription")))
        matcher = Matcher(
            self._codec,
            self._settings.prefix,
            self._settings.environment,
            self._partitions("delivery"),
            self.subscriptions,
            self._callbacks,
        )
        self._follow(table)
        _log.info("subscriptions loaded", subscriptions=len(self.subscriptions))
        self._consumer.subscribe(
            [events_of(self._settings.prefix, "migration")], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        while not self._stopping.is_set():
            self._step(table, matcher)
        self._consumer.close()
        table.close()

    def _partitions(self, aggregate: str) -> int:
        """Partitions of an aggregate's topics, once they exist."""
        admin = AdminClient({"bootstrap.servers": self._settings.kafka})
        topic, found = state_of(self._settings.prefix, aggregate), 0
        while not found and not self._stopping.is_set():
            found = self._patiently(lambda: kafka.partition_count(admin, topic)) or 0
            if not found:
                _log.warning("waiting for a topic", topic=topic)
                self._stopping.wait(PAUSE_S)
        return found

    def _follow(self, table: Follower) -> None:
        if self._patiently(lambda: table.catch_up(self.subscriptions.take, self._stopping.is_set)):
            self._loop.call_soon_threadsafe(self.subscriptions.loaded.set)

    def _step(self, table: Follower, matcher: Matcher) -> None:
        """One batch.

        1. gather events
        2. read the table of subscriptions to its end as it is now: whoever subscribed before one of these events is in it
        3. match
        4. produce, and wait until the broker has everything
        5. only then let the offsets be committed
        """
        # Step 1.
        messages = gathered(self._consumer)
        # Step 2.
        self._follow(table)
        # Steps 3-5.
        records = self._patiently(lambda: matcher.match(messages)) if messages else None
        if records is not None and self._produced(records):
            EVENTS.inc(len(messages))
            last = {(message.topic() or "", message.partition() or 0): message.offset() or 0 for message in messages}
            self._store([TopicPartition(*place, offset + 1) for place, offset in last.items()])

    def _store(self, offsets: list[TopicPartition]) -> None:
        try:
            self._consumer.store_offsets(offsets=offsets)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise
            _log.info("partitions went to another notifier, which repeats the batch")

    def _produced(self, records: Sequence[tuple[str, Record]]) -> bool:
        """Whether everything is on the broker; False when the end came first, and the events will be read again."""
        for topic, record in records:
            self._produce(topic, record)
        while records and self._producer.flush(PAUSE_S):
            if self._stopping.is_set():
                return False
        if self._refused:
            raise WhimbrelError(f"the broker refused a request for a delivery: {self._refused[0]}")
        REQUESTED.inc(len(records))
        return True

    def _produce(self, topic: str, record: Record) -> None:
        while True:
            try:
                return self._producer.produce(topic, record.value, record.key, headers=record.headers, on_delivery=self._reported)
            except BufferError:  # the local queue is full; let the client's thread empty some of it
                self._producer.poll(0.05)

    def _reported(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused.append(error.str())

    def _patiently(self, act: Callable[[], T]) -> T | None:
        """The result, however often a server has to be asked; None when the end came first. Raises what cannot pass."""
        while not self._stopping.is_set():
            try:
                return act()
            except (KafkaException, RegistryUnavailable, TimeoutError) as error:
                if not isinstance(error, TimeoutError) and verdict_of(error) is not Verdict.RETRY:
                    raise
                _log.warning("waiting for a server", error=f"{type(error).__name__}: {error}")
                self._stopping.wait(PAUSE_S)
        return None

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        committed = (self._patiently(lambda: consumer.committed(partitions, 10)) if partitions else None) or []
        self._patiently(lambda: self._callbacks.restore(committed, self._stopping.is_set))
        self._assigned = True
        _log.info("assigned", partitions=[f"{place.topic}/{place.partition}" for place in partitions])

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._callbacks.drop(place.partition for place in partitions)
