"""The load generator: sends commands at a rate in a thread of its own, and journals what it sent and what was acknowledged."""

import threading
import time
from typing import Any

from confluent_kafka import KafkaError

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.topics import commands_of
from libs.runtime import kafka
from libs.runtime.clock import new_traceparent, now_us
from libs.runtime.codec import Codec
from libs.testing.chaos.chance import Random
from libs.testing.chaos.journal import Entry, Journal
from libs.testing.chaos.load import operation, request, tenant_of

OPERATED, TWICE, STRANGERS = 0.10, 0.02, 0.01
"""Shares of requests followed by an operator's command, sent twice, and accompanied by a command to nobody."""


class Sender:
    """Sends commands and journals them. Safe from several threads."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec, journal: Journal) -> None:
        self._topic, self._codec, self._journal = commands_of(prefix, "migration"), codec, journal
        self._producer = kafka.producer(bootstrap, **{"message.timeout.ms": 0})
        self._lock, self._number = threading.Lock(), 0
        self.acknowledged = 0

    def send(self, tenant: str, aggregate: str, body: Any, *, times: int = 1) -> None:
        """Send a command under a new id, `times` times over."""
        with self._lock:
            self._number += 1
            entry = Entry(what="sent", tenant=tenant, aggregate=aggregate, command_id=f"c{self._number}", command=type(body).__name__)
        self._journal.write(entry)
        envelope = CommandEnvelope(
            command_id=entry.command_id, tenant=tenant, aggregate=aggregate, environment="chaos", actor="generator",
            correlation_id=entry.command_id, occurred_at=now_us(),
        )  # fmt: skip
        record = self._codec.command(self._topic, envelope, body, new_traceparent().encode())
        for _ in range(times):
            self._producer.produce(
                self._topic, record.value, record.key, headers=record.headers, on_delivery=lambda error, _: self._arrived(entry, error)
            )
        self._producer.poll(0)

    def _arrived(self, entry: Entry, error: KafkaError | None) -> None:
        if error is None:
            self.acknowledged += 1
            self._journal.write(Entry(what="acknowledged", tenant=entry.tenant, aggregate=entry.aggregate, command_id=entry.command_id))

    def poll(self, seconds: float) -> None:
        """Take acknowledgements."""
        self._producer.poll(seconds)

    def flush(self, seconds: float) -> int:
        """Wait for acknowledgements; returns how many are still missing."""
        return self._producer.flush(seconds)


class Generator:
    """Requests `rate` migrations a second until `stop`, or until `limit` were requested."""

    def __init__(self, sender: Sender, effects: str, *, seed: int, rate: float, limit: int = 0) -> None:
        self._sender, self._effects, self._random = sender, effects, Random(seed)
        self._rate, self._limit = rate, limit
        self.requested = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="generator", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing further; returns when the thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.is_set() and not (self._limit and self.requested >= self._limit):
            due = int((time.monotonic() - began) * self._rate)
            while self.requested < due and not self._stopping.is_set():
                self._one(self.requested)
            self._sender.poll(0.02)

    def _one(self, number: int) -> None:
        random, tenant = self._random, tenant_of(number)
        self._sender.send(tenant, f"m{number}", request(random, tenant, self._effects), times=2 if random.random() < TWICE else 1)
        self.requested += 1
        if random.random() < OPERATED:
            other = max(0, number - random.randrange(200))
            self._sender.send(tenant_of(other), f"m{other}", operation(random))
        if random.random() < STRANGERS:
            self._sender.send(tenant, f"nobody{number}", operation(random))
