"""The sink loop: records in, rows and offsets out in one SQL transaction, so that a crash anywhere repeats nothing.

1. On assignment, seek to the stored positions, never to Kafka's.
2. In a thread: read a batch and decode it; what cannot be decoded is marked as poison (libs.runtime.batches). Let the target
   fold it into what it is going to write.
3. While the next batch is being read and folded: open a transaction and ask the target which reader's positions hold.
4. Lock those positions. Where they are others than the batch begins at, rows are missing before it, or it is stored already
   (by a late twin, or in a commit whose answer was lost): forget everything folded, and read again from where they are.
5. Let the target write its rows. 6. Move the positions on and commit. 7. A lost database is waited for, with the batch in hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from libs.runtime.batches import Batch, Batches, Place, Taken
from libs.runtime.codec import Codec
from libs.runtime.memory import collect_rarely

_log = structlog.get_logger()
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
T = TypeVar("T")
Load: TypeAlias = Callable[[Callable[[Connection], Awaitable[None]]], None]
"""Runs a reading function in a transaction, for another thread than the event loop's."""
DATABASE_FAULTS = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""Of these an internal error means that a connection was cut while it was being handed out; `passes` tells the rest apart."""
MAX_BATCH = 2_000
"""Few enough records that two batches at once stay below the threshold of the cycle collector (libs.runtime.memory)."""
MAX_PAUSE_S = 5.0
_LOCK = """SELECT topic, partition, next_offset FROM whimbrel.reader_position
WHERE reader = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY topic, partition FOR UPDATE"""
_MOVE = """UPDATE whimbrel.reader_position p SET next_offset = greatest(p.next_offset, n.next_offset), caught_up_at = greatest(p.caught_up_at, n.at)
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS n (topic, partition, next_offset, at)
WHERE p.reader = $1 AND p.topic = n.topic AND p.partition = n.partition"""
_BEGIN = """INSERT INTO whimbrel.reader_position (reader, topic, partition, next_offset)
SELECT $1, topic, partition, 0 FROM unnest($2::text[], $3::int[]) AS n (topic, partition) ON CONFLICT DO NOTHING"""


class Target(Protocol):
    """What folds records and writes the rows."""

    async def reader(self, connection: Connection) -> str:
        """Name under which the positions of these rows are kept (table whimbrel.reader_position)."""

    def fold(self, records: list[Taken], load: Load) -> Any:
        """What `write` will write of records that follow those folded before. Called in the reading thread; what is missing
        for it is read with `load`, in a transaction."""

    async def write(self, connection: Connection, folded: Any) -> None:
        """Write what was folded, in the transaction that moves the positions; perhaps again, in another one."""

    def forget(self) -> None:
        """Drop whatever is remembered of rows: they may be others now. Called when nothing is being folded."""


class _Superseded(Exception):
    """The stored positions are not those that the batch begins at: read again from where they are."""


class _Folded(NamedTuple):
    reader: str
    batch: Batch
    content: Any


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
        self._topics, self._pool, self._target = topics, pool, target
        self._batches = Batches(consumer, admin, codec, self._stored, max_batch)
        self._stopping = asyncio.Event()
        self._superseded = False
        self._reader = ""
        self.ready = False

    def stop(self) -> None:
        """Finish the write in hand, then return from `run`. Call it from the event loop's thread."""
        self._stopping.set()
        self._batches.stopping.set()

    async def run(self, until: dict[Place, int] | None = None) -> None:
        """Serve as a member of the consumer's group until `stop`; or, given `until`, read those partitions up to there and return.

        Raises BrokenHistory when a partition ends before its stored position, and what neither Kafka nor PostgreSQL will get over.
        """
        self._loop = asyncio.get_running_loop()
        collect_rarely()
        batches = self._batches
        await asyncio.to_thread(partial(batches.subscribe, self._topics) if until is None else partial(batches.bound, until))
        self._reading = self._read_on()
        try:
            await self._serve(until is not None)
        except BaseException:
            self.stop()  # so that the thread waits no more for a database or registry: nothing ends before it does
            await asyncio.wait([self._reading])
            raise
        await asyncio.to_thread(batches.consumer.close if until is None else batches.consumer.unassign)

    def _read_on(self) -> "asyncio.Task[_Folded | None]":
        return asyncio.create_task(asyncio.to_thread(self._read))

    async def _serve(self, bounded: bool) -> None:
        while not self._stopping.is_set():
            folded, done = await self._reading, bounded and self._batches.done()
            self._reading = self._read_on()
            if folded is not None:
                await self._transaction(partial(self._store, folded))
            if self._superseded:
                await self._reading
                self._superseded = False
                await asyncio.to_thread(self._batches.again)
                self._reading = self._read_on()
            elif done:
                break
        await self._reading

    def _read(self) -> _Folded | None:  # 2
        batch = self._batches.read()
        if self._superseded or not (batch.records or batch.complete):
            return None
        try:
            return _Folded(self._reader, batch, self._target.fold(batch.records, self._load))
        except _Superseded:
            return None

    async def _transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T | None:  # 7
        """Run work in a transaction, again and again while the database is away; None when it was superseded or told to stop."""
        pause = 0.1
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await work(connection)
            except _Superseded:
                self._superseded = True
                return None
            except DATABASE_FAULTS as error:
                if not passes(error) or self._pool.is_closing():
                    raise
                if self._stopping.is_set():
                    return None
                _log.warning("waiting for PostgreSQL", error=f"{type(error).__name__}: {error}", pause_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_S)

    async def _store(self, folded: _Folded, connection: Connection) -> None:
        batch = folded.batch
        reader = await self._target.reader(connection)  # 3
        places = [*(batch.begins.keys() | batch.complete.keys())]
        columns = [place[0] for place in places], [place[1] for place in places]
        stored = {(row[0], row[1]): row[2] for row in await connection.fetch(_LOCK, reader, *columns)}  # 4
        if reader != folded.reader or any(stored.get(place) != begin for place, begin in batch.begins.items()):
            raise _Superseded
        await self._target.write(connection, folded.content)  # 5
        ends = {place: max(stored.get(place, 0), batch.ends.get(place, 0)) for place in places}
        seen = {place: complete.at for place, complete in batch.complete.items() if ends[place] >= complete.offset}
        await connection.execute(_MOVE, reader, *columns, [ends[p] for p in places], [seen.get(p, 0) for p in places])  # 6

    def _await(self, work: Callable[[Connection], Awaitable[T]]) -> T | None:
        """Run work in a transaction, for the reading thread."""
        return asyncio.run_coroutine_threadsafe(self._transaction(work), self._loop).result()

    def _load(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        async def load(connection: Connection) -> bool:
            if await self._target.reader(connection) != self._reader:
                raise _Superseded
            await connection.execute("SET LOCAL synchronous_commit = off")  # the lock on the generation is no reason to wait for a disk
            await work(connection)
            return True

        if not self._await(load):
            raise _Superseded

    def _stored(self, places: list[Place]) -> dict[Place, int]:
        """Stored positions, for the reading thread; none when told to stop."""
        self._target.forget()
        found = self._await(partial(self._positions, places))
        self.ready = True
        return found or {}

    async def _positions(self, places: list[Place], connection: Connection) -> dict[Place, int]:  # 1
        self._reader = await self._target.reader(connection)
        columns = [place[0] for place in places], [place[1] for place in places]
        await connection.execute(_BEGIN, self._reader, *columns)
        return {(row[0], row[1]): row[2] for row in await connection.fetch(_LOCK, self._reader, *columns)}


def passes(error: Exception) -> bool:
    """Whether the database may get over it: lost connections, shutdown, no resources, conflicts. Anything else is a defect."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in ("08", "40", "53", "55", "57", "58") or isinstance(error, asyncpg.ReadOnlySQLTransactionError)
    return not isinstance(error, ValueError)
