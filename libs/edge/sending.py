"""Commands to Kafka: confirmed by the broker before anybody is answered, and bounded in time when it does not."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Producer

from libs.contracts.avro import schema_of
from libs.contracts.catalogue import COMMAND, MESSAGES
from libs.contracts.topics import COMMAND_MAX_BYTES
from libs.runtime import kafka
from libs.runtime.codec import Record
from libs.runtime.registry import Registry

TOO_LARGE = "MSG_SIZE_TOO_LARGE"
"""Outcome of a record that the broker will never take."""
_QUEUE_FULL_PAUSE_S = 0.005


def register_written(registry: Registry, prefix: str) -> None:
    """Learn the schema ids of everything that ingress writes, so that no request waits for them. Raises RegistryUnavailable."""
    for message in MESSAGES:
        if message.role == COMMAND or message.topic in ("dead-letters", "progress"):
            registry.id_for(f"{prefix}.{message.topic}", schema_of(message.model))


class _Batch:
    """Records on their way: one outcome each, empty when the broker has confirmed it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self.outcomes = ["" for _ in range(size)]
        self._left, self._loop = size, loop
        self.done: asyncio.Future[None] = loop.create_future()

    def report(self, index: int, error: KafkaError | None, _: Any) -> None:
        """Called in the producer's thread, once a record."""
        if error is not None:
            self.outcomes[index] = error.name()
        self._left -= 1
        if not self._left:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Sender:
    """One idempotent producer (acks=all). After a fatal error it is replaced: repeats are harmless, command ids deduplicate."""

    def __init__(self, bootstrap: str, timeout_s: float) -> None:
        self._bootstrap, self._timeout_s = bootstrap, timeout_s
        self._producer = self._made()
        self._fatal = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="producer", daemon=True)
        self._thread.start()

    def _made(self) -> Producer:
        timeout_ms = int(self._timeout_s * 1_000)
        return kafka.producer(self._bootstrap, **{"message.timeout.ms": timeout_ms, "error_cb": self._error})

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = True

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.1)

    async def send(self, records: Sequence[tuple[str, Record]]) -> list[str]:
        """Produce to topics and wait for the broker. Returns for each record an empty string, or why it is not known to be written."""
        if not records:
            return []
        if self._fatal:
            self._fatal, self._producer = False, self._made()
        producer, batch = self._producer, _Batch(asyncio.get_running_loop(), len(records))
        for index, (topic, record) in enumerate(records):
            if topic.endswith(".commands") and len(record.value) > COMMAND_MAX_BYTES:  # the validator would put it aside
                batch.report(index, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)
                continue
            while True:
                try:
                    producer.produce(topic, record.value, record.key, headers=record.headers, on_delivery=partial(batch.report, index))
                    break
                except BufferError:  # the local queue is full; wait until the broker has taken some of it
                    await asyncio.sleep(_QUEUE_FULL_PAUSE_S)
                except Exception as error:  # too large for the client, or the producer is dead
                    batch.report(index, _refusal(error), None)
                    break
        try:
            await asyncio.wait_for(asyncio.shield(batch.done), self._timeout_s + 2)
        except TimeoutError:
            return [outcome or "_TIMED_OUT" for outcome in batch.outcomes] if batch.outcomes else []
        return batch.outcomes

    def close(self) -> None:
        """Wait for what is on its way, at most the producing timeout."""
        self._producer.flush(self._timeout_s)
        self._closing.set()
        self._thread.join(1)


def _refusal(error: Exception) -> KafkaError:
    first = error.args[0] if error.args else None
    return first if isinstance(first, KafkaError) else KafkaError(KafkaError._FAIL)
