"""Offsets live in the transaction that writes the rows: late twins, resumed zombies and lost connections change nothing."""

import asyncio
from typing import Any

import pytest

from libs.readmodel import wiring
from libs.readmodel.checking import check
from libs.readmodel.position import Position
from libs.readmodel.projecting import Projector
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.settings import Settings
from libs.runtime.sink import Connection, Pool
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, final, plan_of
from libs.testing.waiting import wait_until
from tests.integration.readmodel.conftest import ends_of, serving
from tests.integration.readmodel.stories import wander

CUTS = 6


class Zombie(Projector):
    """A projector that is paused when it asks for the n-th time which rows to fill: for positions, for a fold, or for a write."""

    def __init__(self, prefix: str, asking: int) -> None:
        super().__init__(prefix)
        self.paused, self.resume, self._calls, self._asking = asyncio.Event(), asyncio.Event(), 0, asking

    async def reader(self, connection: Connection) -> str:
        self._calls += 1
        if self._calls == self._asking:
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


@pytest.mark.parametrize("asking", [2, 3, 4, 5])
async def test_a_zombie_that_resumes_writes_nothing_twice(
    settings: Settings, pool: Pool, codec: Codec, writer: LogWriter, asking: int
) -> None:
    wander(writer, 21)
    await wiring.prepared(pool, settings.prefix)
    zombie = Zombie(settings.prefix, asking)
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


async def test_partitions_that_come_back_are_folded_from_what_another_wrote(
    settings: Settings, pool: Pool, codec: Codec, writer: LogWriter, read: Any
) -> None:
    plan, ids = plan_of(act("one"), act("two"), final("done")), [f"mig-{number}" for number in range(8)]
    for id_ in ids:
        writer.request("acme", id_, plan)

    async def report() -> None:
        for id_ in ids:
            writer.report("acme", id_)
        writer.flush()
        wanted = {place[1]: end for place, end in ends_of(settings).items() if place[0].endswith(".migration.events")}
        await read.wait_for(Position({("migration", partition): end for partition, end in wanted.items()}), 60)

    async with serving(settings, pool):
        await report()
        async with serving(settings.model_copy(update={"slot": 1}), pool) as second:
            await asyncio.to_thread(wait_until, lambda: second.ready, "the second has its partitions")
            await report()
        await report()
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
