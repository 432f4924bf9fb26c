"""The transaction loop: records in, records out and offsets on, atomically.

One thread, one batch, one transaction, never open across a poll. Crash-only: whatever goes wrong inside a transaction
ends the process without an abort. Its successor's `init_transactions` fences what is left (RELIABILITY rules 2-4).
"""

import signal
import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from libs.runtime.clock import now_us
from libs.runtime.codec import Erasure, Record
from libs.runtime.connections import Transactional
from libs.runtime.errors import ConnectionLost, RegistryUnavailable, Verdict, kafka_verdict
from libs.runtime.memory import collect_rarely
from libs.runtime.received import Received, received
from libs.runtime.watchdog import Watchdog

_log = structlog.get_logger()
CALL_LIMIT_S = 10.0
"""Less than the transaction's timeout: what takes longer is aborted by the broker anyway."""
INIT_LIMIT_S = 60.0
AGAIN_S = 0.25


class Output(NamedTuple):
    """What one batch leads to. `first` is on the broker before anything of `between` is sent, and that before anything of
    `then`, so that of a torn transaction the events survive rather than the commands of policies, and these rather than the
    state: whoever finds events without their state sends those commands again."""

    first: Sequence[tuple[str, int, Record]]
    then: Sequence[tuple[str, int, Record | Erasure]]
    between: Sequence[tuple[str, int, Record]] = ()
    taken: int | None = None
    """How many messages of the batch this answers, where not all: the others are handed in again."""
    latest: int = 0
    """After a restore: when its last event was recorded, in microseconds since the epoch. Time never goes back behind it (D8)."""


class Handler(Protocol):
    """What the loop asks of its owner. Partition -1 in an output lets the partitioner choose."""

    def assigned(self, partitions: list[TopicPartition]) -> Output:
        """Restore what these partitions need; returns what must be repaired before the first batch."""

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Forget these partitions."""

    def handle(self, batch: Sequence[Received], now: int) -> Output:
        """Turn a batch into records. Raises RegistryUnavailable to be asked again with the same batch."""


class TransactionLoop:
    """Runs a handler over topics until told to stop. Everything it is given belongs to it alone."""

    def __init__(self, consumer: Consumer, producer: Transactional, topics: list[str], handler: Handler, *, max_batch: int = 2_000) -> None:
        self._consumer, self._producer, self._handler = consumer, producer, handler
        self._topics, self._max_batch = topics, max_batch
        self._watchdog = Watchdog()
        self._stopping = threading.Event()
        self._now = 0
        self._owned: set[tuple[str, int]] = set()
        self.ready = threading.Event()  # set once the first partitions are restored

    def stop(self, *_: Any) -> None:
        """Finish the batch in hand, then return from `run`. Safe as a signal handler and from other threads."""
        self._stopping.set()

    def run(self) -> None:
        """Run until `stop`. Raises whatever must end the process."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.stop)
            signal.signal(signal.SIGINT, self.stop)
        collect_rarely()
        with self._watchdog.limit("init_transactions", INIT_LIMIT_S):
            self._producer.init_transactions(INIT_LIMIT_S)
        self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        while not self._stopping.is_set():
            batch = self._poll()
            while batch:
                batch = self._transact(batch)
        self._consumer.close()

    def _poll(self) -> list[Received]:
        first = self._consumer.poll(0.2)
        if first is None:
            return []
        # consume() waits for a full batch or its timeout; zero takes what has arrived meanwhile.
        batch = [first, *self._consumer.consume(self._max_batch - 1, 0)]
        for message in batch:
            error = message.error()
            if error is not None and kafka_verdict(error) is Verdict.STOP:
                raise KafkaException(error)
        # A rebalance while the batch was read leaves messages in it of partitions that are another's now.
        found = [received(message) for message in batch if message.error() is None]
        return [message for message in found if (message.topic, message.partition) in self._owned]

    def _transact(self, batch: list[Received]) -> list[Received]:
        """One batch, one transaction; returns what of it did not fit.

        1. stamp now, never less than before
        2. let the handler turn the batch, or the beginning of it, into records
        3. begin
        4. produce what comes first, flush, what comes between, flush, and the rest
        5. send the offsets with the group's metadata, so that a zombie of an old generation is refused (KIP-447)
        6. commit; a commit of unknown outcome ends the process, it is never followed by an abort
        7. where a connection broke meanwhile, end: the next transaction must be another producer's
        """
        # Steps 1 and 2.
        output = self._handled(batch)
        # Steps 3-7.
        taken = len(batch) if output.taken is None else output.taken
        offsets = {(message.topic, message.partition): message.offset for message in batch[:taken]}
        self._write(output, [TopicPartition(topic, partition, offset + 1) for (topic, partition), offset in offsets.items()])
        return batch[taken:]

    def _handled(self, batch: list[Received]) -> Output:
        while True:
            self._now = max(self._now, now_us())
            try:
                return self._handler.handle(batch, self._now)
            except RegistryUnavailable as error:
                if self._stopping.wait(AGAIN_S):
                    raise
                _log.warning("waiting for the schema registry", error=str(error))

    def _write(self, output: Output, offsets: list[TopicPartition]) -> None:
        self._producer.poll(0)
        broken = self._producer.connections.broken
        with self._watchdog.limit("transaction", CALL_LIMIT_S):
            self._producer.begin_transaction()
            for records in (output.first, output.between):
                if records:
                    self._produce(records)
                    self._producer.flush(CALL_LIMIT_S)
            self._produce(output.then)
            if offsets:
                self._producer.send_offsets_to_transaction(offsets, self._consumer.consumer_group_metadata(), CALL_LIMIT_S)
            self._producer.commit_transaction(CALL_LIMIT_S)
        self._producer.poll(0)
        if self._producer.connections.broken != broken:
            raise ConnectionLost(
                f"the transaction is committed, but a connection broke meanwhile; restart: {self._producer.connections.last}"
            )

    def _produce(self, records: Iterable[tuple[str, int, Record | Erasure]]) -> None:
        produce = self._producer.produce
        for topic, partition, record in records:
            while True:
                try:
                    produce(topic, record.value, record.key, partition, headers=record.headers)
                    break
                except BufferError:  # the local queue is full; let the client's thread empty some of it
                    self._producer.poll(0.05)

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        _log.info("assigned", partitions=[f"{p.topic}/{p.partition}" for p in partitions])
        self._owned |= {(p.topic, p.partition) for p in partitions}
        repairs = self._handler.assigned(partitions)
        self._now = max(self._now, repairs.latest)
        if repairs.first or repairs.between or repairs.then:
            # With offsets, though they do not move: a zombie's repairs are refused like any other of its transactions.
            committed = self._consumer.committed(partitions, timeout=CALL_LIMIT_S)
            self._write(repairs, [place for place in committed if place.offset >= 0])
        self.ready.set()

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._owned -= {(p.topic, p.partition) for p in partitions}
        self._handler.revoked(partitions)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        _log.warning("partitions lost: another member has them", partitions=len(partitions))
        self._revoked(_, partitions)
