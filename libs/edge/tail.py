"""The end of the log as it grows: decisions for those who wait for them, events for those who stream them.

One consumer reads every partition of every `*.events` topic from where its end was when somebody asked, and rests once nobody
has waited for a while: however much goes through the log, an ingress that nobody asks has no work with it. The log keeps a
decision's events together, and a transaction's events appear all at once, so what one drain of the client brings is whole.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
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
REST_S = 10.0
"""How long it reads on for nobody: whoever comes meanwhile need not wait until the end of the log is found."""
T = TypeVar("T")


class Tail:
    """Runs in a thread of its own; waiters and listeners belong to the event loop."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec, *, rest_s: float = REST_S) -> None:
        self._bootstrap, self._codec, self._rest_s = bootstrap, codec, rest_s
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._aggregates = {events_of(prefix, name): name for name in AGGREGATES}
        self._waiters: dict[str, list[Waiter]] = {}
        self._listeners: list[Listener] = []
        self._asleep: list[asyncio.Future[None]] = []
        self._next: dict[tuple[str, int], int] = {}
        self._wanted_at = 0.0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.assigned = False
        self.reading = False
        """Whether the log is being read: not before somebody asks, and not long after."""
        self.handed_on = Position()
        """While somebody listens: every event before it was given to the listeners."""

    async def start(self, died: Callable[[BaseException], object]) -> None:
        """Return once the partitions are known. Raises KafkaException or KeyError (no topic).

        `died` is called from the thread with what ended it: nobody who waits would be answered any more.
        """
        self._loop = asyncio.get_running_loop()
        self._next = dict.fromkeys(await asyncio.to_thread(self._partitions), 0)
        self.assigned = True
        threading.Thread(target=self._run, args=(died,), name="tail", daemon=True).start()

    def _partitions(self) -> list[tuple[str, int]]:
        counts = {topic: kafka.partition_count(self._admin, topic) for topic in self._aggregates}
        missing = [topic for topic, count in counts.items() if not count]
        if missing:
            raise KeyError(f"topics {', '.join(missing)} do not exist yet")
        return [(topic, n) for topic, count in counts.items() for n in range(count)]

    def places(self) -> set[tuple[str, int]]:
        """Every partition of the log, as aggregate and number."""
        return {(self._aggregates[topic], n) for topic, n in self._next}

    async def wait_for(self, command_id: str, key: bytes, digest: bytes) -> Waiter:
        """Register a waiter; do this before the command is sent, and `forget` it afterwards.

        Where the log cannot be read now it is never answered from here: the read model has the decision, too.
        """
        waiter = Waiter(command_id, key, digest)
        with suppress(KafkaException):
            await self._while_reading(lambda: self._waiters.setdefault(command_id, []).append(waiter))
        return waiter

    def forget(self, waiter: Waiter) -> None:
        """Stop waiting."""
        others = [other for other in self._waiters.get(waiter.command_id, ()) if other is not waiter]
        if others:
            self._waiters[waiter.command_id] = others
        else:
            self._waiters.pop(waiter.command_id, None)

    async def listen(self, tenant: str) -> Listener:
        """Register a listener that gets everything from now on; `start` says where now is. Raises KafkaException."""

        def register() -> Listener:
            listener = Listener(tenant, self._position())
            self._listeners = [*self._listeners, listener]
            return listener

        return await self._while_reading(register)

    async def _while_reading(self, register: Callable[[], T]) -> T:
        """What `register` returns, called while the log is being read, from its end at that moment or an earlier one.

        Raises KafkaException when the end is not known, or this closes.
        """
        while True:
            with self._lock:
                if self._closing.is_set():
                    raise _closing()
                if self.reading:
                    return register()
                self._asleep.append(awake := asyncio.get_running_loop().create_future())
                self._wake.set()
            await awake

    def _position(self) -> Position:
        return Position({(self._aggregates[topic], n): offset for (topic, n), offset in self._next.items()})

    def unlisten(self, listener: Listener) -> None:
        """Stop listening."""
        with self._lock:
            self._listeners = [other for other in self._listeners if other is not listener]

    def close(self) -> None:
        """End the thread and every stream."""
        with self._lock:
            self._closing.set()
            self._wake.set()
            asleep, self._asleep = self._asleep, []
        _wake(asleep, _closing())
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
            while self._wake.wait() and not self._closing.is_set():
                self._stand(consumer)
                while not self._closing.is_set() and self._wanted_still():
                    self._drain(consumer)
                consumer.unassign()
        finally:
            consumer.close()

    def _stand(self, consumer: Consumer) -> None:
        """Go to the end of the log as it is now and say so to those who asked, or why not."""
        fault: KafkaException | None = None
        ends = kafka.committed_ends(self._admin, [*self._next])  # a transaction that is open now is still ahead
        if len(ends) == len(self._next):
            consumer.assign([TopicPartition(*place, end) for place, end in ends.items()])
        else:
            fault = KafkaException(
                KafkaError(KafkaError.LEADER_NOT_AVAILABLE, f"{len(self._next) - len(ends)} ends of the log are not known")
            )
        with self._lock:
            if fault is None:
                self._next, self.reading, self._wanted_at = ends, True, time.monotonic()
            else:
                self._rest()
            asleep, self._asleep = self._asleep, []
        if self._loop is not None:
            self._loop.call_soon_threadsafe(_wake, asleep, fault)

    def _wanted_still(self) -> bool:
        with self._lock:
            if self._waiters or self._listeners:
                self._wanted_at = time.monotonic()
            elif self.reading and time.monotonic() > self._wanted_at + self._rest_s:
                self._rest()
            return self.reading

    def _rest(self) -> None:
        self.reading = False
        if not self._closing.is_set():
            self._wake.clear()

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
            self._loop.call_soon_threadsafe(self._hand_on, events, self._position() if listened else None)

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


def _closing() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._DESTROY, "the log is not read any more: the service ends"))


def _wake(asleep: list[asyncio.Future[None]], fault: KafkaException | None) -> None:
    for one in asleep:
        if one.done():  # whoever asked has gone
            continue
        if fault is None:
            one.set_result(None)
        else:
            one.set_exception(fault)


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
