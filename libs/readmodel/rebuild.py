"""A new generation of read models beside the live one: filled from the log, compared, made live atomically (X10, R7).

1. Create the new generation. 2. Read the log into it up to where the live one is, again until little is left.
3. Compare the two at exactly the same position. 4. Hold the live projector's next write, read the rest, and switch: whoever
asks from now on gets the new rows, at a position not before that of the old. 5. Drop the old one when nobody reads it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from libs.readmodel import generations, wiring
from libs.readmodel.dump import Difference, differences
from libs.readmodel.projecting import Projector
from libs.runtime import kafka
from libs.runtime.batches import Place
from libs.runtime.settings import Settings
from libs.runtime.sink import Connection, Pool, Sink

_log = structlog.get_logger()
LITTLE = 10_000
"""Records that may be left to read while the live projector is held."""
ROUNDS = 20
DROP_AFTER_S = 60.0
LOOK_EVERY_S = 0.05
_POSITIONS = "SELECT topic, partition, next_offset FROM whimbrel.reader_position WHERE reader = $1"
_READERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND xact_start IS NOT NULL AND xact_start < $1"""


class Rebuilt(NamedTuple):
    """What a rebuild did. `differences` are the first of `different` rows that the former generation had otherwise."""

    before: str
    after: str
    different: int
    differences: list[Difference]

    def lines(self) -> list[str]:
        """The report for people, one line a difference."""
        head = f"{self.after} took the place of {self.before}; rows that differ: {self.different}"
        return [head, *(f"{d.table} {'/'.join(map(str, d.key))}: {_change(d)}" for d in self.differences)]


def _change(difference: Difference) -> str:
    if difference.live is None:
        return "only in the rebuilt rows"
    if difference.rebuilt is None:
        return "only in the live rows"
    return f"{difference.live} -> {difference.rebuilt}"


async def rebuild(settings: Settings, pool: Pool, *, compare: bool = True, most: int = 1_000) -> Rebuilt:
    """Build a new generation and make it live; `most` bounds the differences kept. Readers see no gap."""
    before = await wiring.prepared(pool, settings.prefix)
    after = generations.name_of(settings.prefix, generations.number_of(before) + 1)
    async with pool.acquire() as connection, connection.transaction():  # 1
        await generations.drop(connection, after)
        await generations.migrate(connection, after)
    consumer = kafka.reader(settings.kafka, **wiring.EOF)
    sink = wiring.sink_into(settings, pool, consumer, Projector(settings.prefix, after))
    await _approach(pool, sink, before, after)  # 2
    count, found = await _compare(pool, sink, before, after, most) if compare else (0, [])  # 3
    async with _held(pool, settings.prefix) as connection:  # 4
        await sink.run(until=await _positions(connection, before))
        await connection.execute("UPDATE whimbrel.generation SET live = $2 WHERE prefix = $1", settings.prefix, after)
    await asyncio.to_thread(consumer.close)
    _log.info("switched", before=before, after=after, different=count)
    await _drop(pool, before)  # 5
    return Rebuilt(before, after, count, found)


async def _positions(connection: Connection, reader: str) -> dict[Place, int]:
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_POSITIONS, reader)}


async def _approach(pool: Pool, sink: Sink, before: str, after: str) -> None:
    for _ in range(ROUNDS):
        async with pool.acquire() as connection:
            ahead, own = await _positions(connection, before), await _positions(connection, after)
        if sum(ahead.values()) - sum(own.values()) <= LITTLE and own:
            return
        await sink.run(until=ahead)


async def _compare(pool: Pool, sink: Sink, before: str, after: str, most: int) -> tuple[int, list[Difference]]:
    found: list[Difference] = []
    count = 0
    async with pool.acquire() as live, live.transaction(isolation="repeatable_read", readonly=True):
        await generations.use(live, before)
        await sink.run(until=await _positions(live, before))
        async with pool.acquire() as rebuilt, rebuilt.transaction(isolation="repeatable_read", readonly=True):
            await generations.use(rebuilt, after)
            async for difference in differences(live, rebuilt):
                count += 1
                if count <= most:
                    found.append(difference)
    return count, found


@asynccontextmanager
async def _held(pool: Pool, prefix: str) -> AsyncIterator[Connection]:
    """A transaction that keeps the live projector from writing until it ends."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetchval("SELECT live FROM whimbrel.generation WHERE prefix = $1 FOR UPDATE", prefix)
        yield connection


async def _drop(pool: Pool, schema: str) -> None:
    """Drop a former generation once every transaction that may read it has ended, or after DROP_AFTER_S."""
    async with pool.acquire() as connection:
        switched = await connection.fetchval("SELECT clock_timestamp()")
        for _ in range(int(DROP_AFTER_S / LOOK_EVERY_S)):
            if not await connection.fetchval(_READERS, switched):
                break
            await asyncio.sleep(LOOK_EVERY_S)
        async with connection.transaction():
            await generations.drop(connection, schema)
