"""Offsets live in the transaction that writes the rows: late twins, resumed zombies and lost connections change nothing."""

import asyncio
from typing import Any

from libs.readmodel import wiring
from libs.readmodel.checking import check
from libs.readmodel.projecting import Projector
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.settings import Settings
from libs.runtime.sink import Connection, Pool
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.conftest import ends_of, serving
from tests.integration.readmodel.stories import wander

CUTS = 6


class Zombie(Projector):
    """A projector that is paused with its second batch in hand."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.paused, self.resume, self.calls = asyncio.Event(), asyncio.Event(), 0

    async def reader(self, connection: Connection) -> str:
        self.calls += 1
        if self.calls == 3:  # the first call is for the positions, the second for the first batch
            self.paused.set()
            await self.resume.wait()
        return await super().reader(connection)


async def _run(settings: Settings, pool: Pool, target: Projector, max_batch: int) -> None:
    consumer = kafka.reader(settings.kafka, **wiring.EOF)
    sink = wiring.sink_into(settings, pool, consumer, target, max_batch)
    await sink.run(until=ends_of(settings))
    consumer.close()


async def _assert_right(settings: Settings, pool: Pool, codec: Codec, events: int) -> None:
    consumer = kafka.reader(settings.kafka)
    async with pool.acquire() as connection:
        assert await check(connection, consumer, codec, settings.prefix) == []
        live = await connection.fetchval("SELECT live FROM whimbrel.generation WHERE prefix = $1", settings.prefix)
        assert await connection.fetchval(f"SELECT count(*) FROM {live}.event") == events
    consumer.close()


async def test_a_zombie_that_resumes_writes_nothing_twice(settings: Settings, pool: Pool, codec: Codec, writer: LogWriter) -> None:
    wander(writer, 21)
    await wiring.prepared(pool, settings.prefix)
    zombie = Zombie(settings.prefix)
    asleep = asyncio.create_task(_run(settings, pool, zombie, 23))
    await zombie.paused.wait()
    await _run(settings, pool, Projector(settings.prefix), 31)
    zombie.resume.set()
    await asleep
    await _assert_right(settings, pool, codec, writer.events)


async def test_two_at_once_take_turns(settings: Settings, pool: Pool, codec: Codec, writer: LogWriter) -> None:
    wander(writer, 22)
    await wiring.prepared(pool, settings.prefix)
    await asyncio.gather(*(_run(settings, pool, Projector(settings.prefix), size) for size in (11, 17)))
    await _assert_right(settings, pool, codec, writer.events)


async def test_lost_connections_lose_nothing(settings: Settings, pool: Pool, codec: Codec, writer: LogWriter, read: Any) -> None:
    wander(writer, 23, steps=600)
    ends = {place: end for place, end in ends_of(settings).items() if place[0].endswith(".events")}
    async with wiring.open_pool(f"{settings.postgres}?application_name={settings.prefix}") as own, serving(settings, own, 20):
        cut = 0
        while True:
            async with pool.acquire() as connection:
                reached = (await read.position()).values()
                if sum(reached) >= sum(ends.values()):
                    break
                if cut < CUTS:
                    sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'"
                    cut += await connection.fetchval(sql, settings.prefix)
            await asyncio.sleep(0.01)
    assert cut >= CUTS
    await _assert_right(settings, pool, codec, writer.events)
