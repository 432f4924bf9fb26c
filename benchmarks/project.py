"""`project`: events a second that the real sink takes from Kafka into PostgreSQL, beside bare COPY of the same rows.

The bare side copies every row that the projection wrote into the same tables with the same indexes, in as many transactions.
"""

import asyncio
import time
from typing import Any

import asyncpg
from confluent_kafka import TopicPartition

from benchmarks.report import DURABILITY, line
from deploy.embedded.stack import Stack
from libs.readmodel import generations, wiring
from libs.readmodel.dump import tables_of
from libs.readmodel.projecting import Projector
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings, load
from libs.runtime.sink import MAX_BATCH, Pool
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, check, final, plan_of

LIFECYCLES = 12_000
TOGETHER = 400
PLAN = plan_of(
    *[act(f"step_{n}", phase="preparing") for n in range(3)], *[check(f"look_{n}") for n in range(3)], act("switch"), final("done")
)
BARE = "project_bare"


def run(stack: Stack, *, lifecycles: int = LIFECYCLES) -> dict[str, Any]:
    """Write lifecycles of about twenty events, project them, then copy the same rows."""
    settings = load(Settings, kafka=stack.kafka, registry=stack.registry, postgres=stack.postgres, prefix="project", environment="bench")
    kafka.create_topics(stack.kafka, settings.prefix, settings.partitions)
    events = tell(settings, lifecycles)
    return asyncio.run(_measure(settings, events))


def tell(settings: Settings, lifecycles: int) -> int:
    """Write the log: groups of migrations that run side by side; returns the number of events."""
    codec = Codec(Registry(settings.registry), settings.prefix, "validator")
    writer = LogWriter(codec, kafka.producer(settings.kafka, **{"linger.ms": 20}), settings.prefix, partitions=settings.partitions)
    for first in range(0, lifecycles, TOGETHER):
        ids = [f"mig-{number:07d}" for number in range(first, min(first + TOGETHER, lifecycles))]
        for id_ in ids:
            labels = {"team": f"team-{first % 7}"}
            writer.request(
                "acme", id_, PLAN, application=f"app-{first % 50}", wave=f"wave-{first}", labels=labels, due_at=writer.now + 10**12
            )
        for _ in PLAN.steps:
            for id_ in ids:
                writer.report("acme", id_)
    writer.flush()
    return writer.events


async def _measure(settings: Settings, events: int) -> dict[str, Any]:
    async with wiring.open_pool(settings.postgres, most=3) as pool:
        schema = await wiring.prepared(pool, settings.prefix)
        seconds = await _project(settings, pool, schema)
        async with pool.acquire() as connection:
            projected = await connection.fetchval(f"SELECT count(*) FROM {schema}.event")  # noqa: S608 - made of constants
            bare, rows = await _copy(connection, schema, -(-events // MAX_BATCH))
    assert projected == events, f"{projected} of {events} events were projected"
    return line(
        "project", events, events / seconds, "events/s", events / bare, rows=rows, target_ratio=0.4, floor_ratio=0.2, durability=DURABILITY
    )


async def _project(settings: Settings, pool: Pool, schema: str) -> float:
    """Seconds until everything on the log is in rows."""
    consumer = kafka.reader(settings.kafka, **wiring.EOF, **{"queued.min.messages": 20_000})
    sink = wiring.sink_into(settings, pool, consumer, Projector(settings.prefix, schema))
    until = {}
    for partition in range(settings.partitions):
        place = (f"{settings.prefix}.migration.events", partition)
        until[place] = consumer.get_watermark_offsets(TopicPartition(*place), timeout=10)[1]
    began = time.perf_counter()
    await sink.run(until=until)
    seconds = time.perf_counter() - began
    consumer.close()
    return seconds


async def _copy(connection: Any, schema: str, transactions: int) -> tuple[float, int]:
    """Seconds that COPY needs for all rows of a generation into another, empty one, and their number."""
    async with connection.transaction():
        await generations.migrate(connection, BARE)
    async with connection.transaction():
        await generations.use(connection, schema)
        rows = {table.name: await _rows(connection, table.name) for table in await tables_of(connection, schema)}
    began = time.perf_counter()
    for number in range(transactions):
        async with connection.transaction():
            await generations.use(connection, BARE)
            for table, found in rows.items():
                size = -(-len(found) // transactions)
                await connection.copy_records_to_table(table, records=found[number * size : (number + 1) * size])
    return time.perf_counter() - began, sum(map(len, rows.values()))


async def _rows(connection: Any, table: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - made of constants
    return found
