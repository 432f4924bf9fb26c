"""The end of the log as it grows: decisions for those who wait for them, events for those who stream them.

One consumer reads every partition of every `*.events` topic from where its end was at the start. The log keeps a decision's
events together, and a transaction's events appear all at once, so what one drain of the client brings is whole.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from libs.contracts.topics import AGGREGATES, events_of
from libs.edge.awaiting import Listener, Seen, Waiter
from libs.readmodel.position import Position
from libs.runtime import kafka
from libs.runtime.codec import Codec, header
from libs.runtime.errors import Poison, RegistryUnavailable
from libs.runtime.received import Received, received

_log = structlog.get_logger()
_DRAIN = 5_000


class Tail:
    """Runs in a thread of its own; waiters and listeners belong to the event loop."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec) -> None:
        self._bootstrap, self._codec = bootstrap, codec
        self._aggregates = {events_of(prefix, name): name for name in AGGREGATES}
        self._waiters: dict[str, list[Waiter]] = {}
        self._listeners: list[Listener] = []
        self._next: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.assigned = False
        self.handed_on = Position()
        """While somebody listens: every event before it was given to the listeners."""

    async def start(self, died: Callable[[BaseException], object]) -> None:
        """Return once the ends are known; every event after this moment is seen. Raises KafkaException or KeyError (no topic).

        `died` is called from the thread with what ended it: nobody who waits would be answered any more.
        """
        self._loop = asyncio.get_running_loop()
        self._next = await asyncio.to_thread(self._ends)
        self.assigned = True
        threading.Thread(target=self._run, args=(died,), name="tail", daemon=True).start()

    def _ends(self) -> dict[tuple[str, int], int]:
        admin = AdminClient({"bootstrap.servers": self._bootstrap})
        counts = {topic: kafka.partition_count(admin, topic) for topic in self._aggregates}
        missing = [topic for topic, count in counts.items() if not count]
        if missing:
            raise KeyError(f"topics {', '.join(missing)} do not exist yet")
        reader = kafka.reader(self._bootstrap)
        try:  # a read_committed reader is told the last stable offset: a transaction that is open now is still ahead
            places = [(topic, n) for topic, count in counts.items() for n in range(count)]
            return {place: reader.get_watermark_offsets(TopicPartition(*place), timeout=10)[1] for place in places}
        finally:
            reader.close()

    def position(self) -> Position:
        """How far the log was read: every event before it has been handed on."""
        with self._lock:
            return Position({(self._aggregates[topic], n): offset for (topic, n), offset in self._next.items()})

    def wait_for(self, command_id: str, key: bytes, digest: bytes) -> Waiter:
        """Register a waiter; do this before the command is sent, and `forget` it afterwards."""
        waiter = Waiter(command_id, key, digest)
        self._waiters.setdefault(command_id, []).append(waiter)
        return waiter

    def forget(self, waiter: Waiter) -> None:
        """Stop waiting."""
        others = [other for other in self._waiters.get(waiter.command_id, ()) if other is not waiter]
        if others:
            self._waiters[waiter.command_id] = others
        else:
            self._waiters.pop(waiter.command_id, None)

    def listen(self, tenant: str) -> Listener:
        """Register a listener that gets everything from now on; `start` says where now is."""
        with self._lock:
            start = {(self._aggregates[topic], n): offset for (topic, n), offset in self._next.items()}
            listener = Listener(tenant, start)
            self._listeners = [*self._listeners, listener]
        return listener

    def unlisten(self, listener: Listener) -> None:
        """Stop listening."""
        with self._lock:
            self._listeners = [other for other in self._listeners if other is not listener]

    def close(self) -> None:
        """End the thread and every stream."""
        self._closing.set()
        for listener in self._listeners:
            listener.end()

    def _run(self, died: Callable[[BaseException], object]) -> None:
        try:
            self._read()
        except BaseException as error:
            if not self._closing.is_set():  # on the way out the event loop may be gone before this thread is
                self.assigned = False
                died(error)

    def _read(self) -> None:
        overrides = {"fetch.wait.max.ms": 500, "fetch.queue.backoff.ms": 5, "group.id": "whimbrel-tail"}
        consumer = kafka.reader(self._bootstrap, **overrides)
        try:
            consumer.assign([TopicPartition(topic, n, offset) for (topic, n), offset in self._next.items()])
            while not self._closing.is_set():
                self._drain(consumer)
        finally:
            consumer.close()

    def _drain(self, consumer: Consumer) -> None:
        first = consumer.poll(0.2)
        if first is None:
            return
        messages: list[Message] = []
        for message in (first, *consumer.consume(_DRAIN, 0)):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.fatal():
                raise KafkaException(error)
        with self._lock:
            if not self._waiters and not self._listeners:  # who waits registered before sending, so nothing here is for them
                self._next |= {(m.topic() or "", m.partition() or 0): (m.offset() or 0) + 1 for m in messages}
                return
            batch = [received(message) for message in messages]
            wanted = [one for one in batch if self._wanted(one)]
            listened = bool(self._listeners)
            self._next |= {(one.topic, one.partition): one.offset + 1 for one in batch}
        events = [seen for one in wanted if (seen := self._decoded(one))]
        if (events or listened) and self._loop is not None:
            self._loop.call_soon_threadsafe(self._hand_on, events, self.position() if listened else None)

    def _wanted(self, message: Received) -> bool:
        if header(message.headers, "ce_causationid").decode("utf-8", "replace") in self._waiters:
            return True
        return any((message.key or b"").startswith(listener.prefix) for listener in self._listeners)

    def _decoded(self, message: Received) -> Seen | None:
        return decoded(self._codec, self._aggregates[message.topic], message)

    def _hand_on(self, events: list[Seen], position: Position | None) -> None:
        for command_id in {seen.envelope.causation_id for seen in events} & self._waiters.keys():
            for waiter in self._waiters[command_id]:
                waiter.offer(events)
        for seen in events:
            offer(self._listeners, seen)
        if position is not None:
            self.handed_on = position


def offer(listeners: Iterable[Listener], seen: Seen) -> None:
    """Give an event to the listeners of its tenant."""
    for listener in listeners:
        if seen.key.startswith(listener.prefix):
            listener.offer(seen)


def decoded(codec: Codec, aggregate: str, message: Received) -> Seen | None:
    """An event of the log; None when it cannot be read, which is the projector's alarm to raise."""
    try:
        found = codec.decode(message.topic, message.key, message.value, message.headers)
    except (Poison, RegistryUnavailable) as error:
        _log.error("unreadable event", topic=message.topic, partition=message.partition, offset=message.offset, error=str(error))
        return None
    return Seen(aggregate, message.partition, message.offset, message.key or b"", found.envelope, found.body)
