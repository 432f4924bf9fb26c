"""The sink loop: records in, rows and offsets out in one SQL transaction, so that a crash anywhere repeats nothing.

1. On assignment, seek to the stored positions, never to Kafka's.
2. In a thread: read a batch and decode it; what cannot be decoded is marked as poison.
3. While the next batch is being read: open a transaction and ask the target which reader's positions hold.
4. Lock those positions. Records below them are stored already (a late twin, or a commit whose answer was lost) and are
   dropped; a position below the batch means rows are missing before it: seek back instead of writing.
5. Let the target write its rows. 6. Move the positions on and commit. 7. A lost database is waited for, with the batch in hand.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from libs.runtime.clock import now_us
from libs.runtime.codec import Codec, Decoded
from libs.runtime.errors import BrokenHistory, Poison, RegistryUnavailable, Verdict, kafka_verdict
from libs.runtime.memory import collect_rarely
from libs.runtime.received import Received, received

_log = structlog.get_logger()
Place = tuple[str, int]
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
T = TypeVar("T")
MAX_BATCH = 10_000
LOOK_AT_END_US = 1_000_000
MAX_PAUSE_S = 5.0
_LOCK = """SELECT topic, partition, next_offset FROM whimbrel.reader_position
WHERE reader = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY topic, partition FOR UPDATE"""
_MOVE = """UPDATE whimbrel.reader_position p SET next_offset = greatest(p.next_offset, n.next_offset), caught_up_at = greatest(p.caught_up_at, n.at)
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS n (topic, partition, next_offset, at)
WHERE p.reader = $1 AND p.topic = n.topic AND p.partition = n.partition"""
_BEGIN = """INSERT INTO whimbrel.reader_position (reader, topic, partition, next_offset)
SELECT $1, topic, partition, 0 FROM unnest($2::text[], $3::int[]) AS n (topic, partition) ON CONFLICT DO NOTHING"""


class Taken(NamedTuple):
    """One record read. `content` is Poison when it cannot be decoded; `at` is its Kafka timestamp, in microseconds since the epoch."""

    record: Received
    at: int
    content: Decoded | Poison


class Batch(NamedTuple):
    """Records read in one go, where reading of each partition began and ended, and when partitions were seen to be read to their end."""

    records: list[Taken]
    begins: dict[Place, int]
    ends: dict[Place, int]
    complete: dict[Place, int]


class Target(Protocol):
    """What writes the rows. Its calls happen inside the transaction that moves the positions."""

    async def reader(self, connection: Connection) -> str:
        """Name under which the positions of these rows are kept (table whimbrel.reader_position)."""

    async def apply(self, connection: Connection, records: list[Taken]) -> None:
        """Write the rows of records that follow the stored positions. Raises BrokenHistory to stop the process."""

    def forget(self) -> None:
        """Drop whatever is remembered of rows: they may be others now."""


class _Superseded(Exception):
    """The stored positions are behind the batch: rows before it are missing, so read again from where they end."""


class Sink:
    """Feeds a target from topics until told to stop. The consumer (with `enable.partition.eof`) and the target belong to it alone."""

    def __init__(
        self,
        consumer: Consumer,
        admin: AdminClient,
        codec: Codec,
        topics: list[str],
        pool: Pool,
        target: Target,
        *,
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._consumer, self._admin, self._codec, self._topics, self._pool, self._target = consumer, admin, codec, topics, pool, target
        self._max_batch = max_batch
        self._next: dict[Place, int] = {}
        self._end: dict[Place, int] = {}
        self._until: dict[Place, int] = {}
        self._looked_at = 0
        self._stopping = asyncio.Event()
        self._seek = False
        self.ready = False

    def stop(self) -> None:
        """Finish the write in hand, then return from `run`. Call it from the event loop's thread."""
        self._stopping.set()

    async def run(self, until: dict[Place, int] | None = None) -> None:
        """Serve as a member of the consumer's group until `stop`; or, given `until`, read those partitions up to there and return.

        Raises BrokenHistory when the log contradicts itself or the rows, and what neither Kafka nor PostgreSQL will get over.
        """
        self._loop = asyncio.get_running_loop()
        collect_rarely()
        if until is None:
            self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        else:
            self._until = until
            await asyncio.to_thread(self._assigned, self._consumer, [TopicPartition(*place) for place in until])
        reading = asyncio.create_task(asyncio.to_thread(self._read))
        while not self._stopping.is_set():
            batch = await reading
            done = until is not None and all(max(self._next[p], self._end.get(p, 0)) >= end for p, end in until.items())
            reading = asyncio.create_task(asyncio.to_thread(self._read))
            if batch.records or batch.complete:
                await self._transaction(partial(self._store, batch))
            if self._seek:
                await reading
                self._seek = False
                await asyncio.to_thread(self._assigned, self._consumer, self._consumer.assignment())
                reading = asyncio.create_task(asyncio.to_thread(self._read))
            elif done:
                break
        await reading
        await asyncio.to_thread(self._consumer.close if until is None else self._consumer.unassign)

    def _read(self) -> Batch:  # 2
        assignment = self._next
        first = self._consumer.poll(0.2)
        messages = [] if first is None else [first, *self._consumer.consume(self._max_batch - 1, 0)]
        if messages and assignment is not self._next:  # the first message may be of the assignment before
            self._assigned(self._consumer, self._consumer.assignment())
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
                return poison
            except RegistryUnavailable as error:
                if self._stopping.is_set():
                    raise
                _log.warning("waiting for the schema registry", error=str(error))
                time.sleep(1.0)

    def _complete(self) -> dict[Place, int]:
        """Partitions of which everything committed before a moment was read, and that moment; asked once a second."""
        now = now_us()
        if now < self._looked_at + LOOK_AT_END_US:
            return {}
        self._looked_at = now
        seen = {place: max(end, self._next[place]) for place, end in self._end.items() if place in self._next}
        return {place: now for place, end in self._ends([*seen]).items() if end <= seen[place]}

    def _ends(self, places: list[Place]) -> dict[Place, int]:
        """Ends of the committed parts of partitions, as far as the brokers answer. The consumer's own requests would wait for its fetches."""
        latest = cast(Callable[[], OffsetSpec], OffsetSpec.latest)
        wanted = {TopicPartition(*place): latest() for place in places}
        if not wanted:
            return {}
        asked = self._admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=5.0)
        return {(place.topic, place.partition): done.result().offset for place, done in asked.items() if done.exception() is None}

    async def _transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T | None:  # 7
        """Run work in a transaction, again and again while the database is away; None when it was superseded or told to stop."""
        pause = 0.1
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await work(connection)
            except _Superseded:
                self._target.forget()
                self._seek = True
                return None
            except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
                self._target.forget()
                if not passes(error):
                    raise
                if self._stopping.is_set():
                    return None
                _log.warning("waiting for PostgreSQL", error=f"{type(error).__name__}: {error}", pause_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_S)

    async def _store(self, batch: Batch, connection: Connection) -> None:
        reader = await self._target.reader(connection)  # 3
        places = [*(batch.begins.keys() | batch.complete.keys())]
        columns = [place[0] for place in places], [place[1] for place in places]
        stored = {(row[0], row[1]): row[2] for row in await connection.fetch(_LOCK, reader, *columns)}  # 4
        if any(stored.get(place, -1) < begin for place, begin in batch.begins.items()):
            raise _Superseded
        records = batch.records
        if any(stored[place] > begin for place, begin in batch.begins.items()):
            self._target.forget()
            records = [taken for taken in records if taken.record.offset >= stored[taken.record[:2]]]
        await self._target.apply(connection, records)  # 5
        ends, complete = [[found.get(place, 0) for place in places] for found in (batch.ends, batch.complete)]
        await connection.execute(_MOVE, reader, *columns, ends, complete)  # 6

    async def _positions(self, places: list[Place], connection: Connection) -> dict[Place, int]:
        reader = await self._target.reader(connection)
        columns = [place[0] for place in places], [place[1] for place in places]
        await connection.execute(_BEGIN, reader, *columns)
        return {(row[0], row[1]): row[2] for row in await connection.fetch(_LOCK, reader, *columns)}

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # 1
        places = [(partition.topic, partition.partition) for partition in partitions]
        coming = asyncio.run_coroutine_threadsafe(self._transaction(partial(self._positions, places)), self._loop)
        self._next, self._end = coming.result() or {}, {}
        for place, end in self._ends(places).items():
            if end < (offset := self._next.get(place, 0)):
                raise BrokenHistory(f"{place[0]}/{place[1]} ends before offset {offset}, up to which it was read: was the topic recreated?")
        consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])
        self.ready = True
        _log.info("assigned", positions={f"{topic}/{partition}": offset for (topic, partition), offset in self._next.items()})

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        _log.info("revoked", partitions=len(partitions))


def passes(error: Exception) -> bool:
    """Whether the database may get over it: lost connections, shutdown, no resources, conflicts. Anything else is a defect."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in ("08", "40", "53", "55", "57", "58") or isinstance(error, asyncpg.ReadOnlySQLTransactionError)
    return not isinstance(error, ValueError)
