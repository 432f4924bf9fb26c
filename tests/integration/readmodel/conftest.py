"""A prefix of its own for each test, a writer of its log, and a pool on its database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from libs.readmodel import generations, wiring
from libs.readmodel.projecting import Projector
from libs.readmodel.reading import ReadModel
from libs.runtime import kafka
from libs.runtime.batches import Place
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings, load
from libs.runtime.sink import MAX_BATCH, Pool, Sink
from libs.testing.log_writer import LogWriter
from libs.testing.servers import SharedServers

Project = Callable[..., Awaitable[str]]


@pytest.fixture
def settings(stack: SharedServers, prefix: str, partitions: int) -> Settings:
    servers = {"kafka": stack.kafka, "registry": stack.registry, "postgres": stack.postgres}
    return load(Settings, prefix=prefix, partitions=partitions, environment="dev", **servers)


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    async with wiring.open_pool(settings.postgres, most=6) as opened:
        yield opened


@pytest.fixture
def codec(settings: Settings) -> Codec:
    return Codec(Registry(settings.registry), settings.prefix, "test")


@pytest.fixture
def writer(settings: Settings, codec: Codec) -> LogWriter:
    return LogWriter(codec, kafka.producer(settings.kafka), settings.prefix, partitions=settings.partitions)


@pytest.fixture
def read(settings: Settings, pool: Pool) -> ReadModel:
    return ReadModel(pool, settings.prefix, b"a secret of the test")


@pytest.fixture
def project(settings: Settings, pool: Pool) -> Project:
    """Reads the log into the live generation, or into the one named; up to its end, or up to the places given."""

    async def run(schema: str = "", until: dict[Place, int] | None = None, max_batch: int = 10_000) -> str:
        live = await wiring.prepared(pool, settings.prefix)
        if schema:
            async with pool.acquire() as connection, connection.transaction():
                await generations.migrate(connection, schema)
        consumer = kafka.reader(settings.kafka, **wiring.EOF)
        sink = wiring.sink_into(settings, pool, consumer, Projector(settings.prefix, schema), max_batch)
        await sink.run(until=until if until is not None else ends_of(settings))
        consumer.close()
        return schema or live

    return run


@asynccontextmanager
async def serving(settings: Settings, pool: Pool, max_batch: int = MAX_BATCH) -> AsyncIterator[Sink]:
    """A projector as the service runs it, in this process; what ends it ends the test."""
    await wiring.prepared(pool, settings.prefix)
    consumer = kafka.consumer(settings.kafka, f"{settings.prefix}.projector", settings.slot, **wiring.EOF)
    sink = wiring.sink_into(settings, pool, consumer, Projector(settings.prefix), max_batch)
    async with asyncio.TaskGroup() as group:
        group.create_task(sink.run())
        try:
            yield sink
        finally:
            sink.stop()


def ends_of(settings: Settings) -> dict[Place, int]:
    """Where each topic of the read models ends now."""
    consumer = kafka.reader(settings.kafka)
    found = {}
    for topic in wiring.topics_of(settings.prefix):
        for partition in consumer.list_topics(topic, timeout=60).topics[topic].partitions:
            found[topic, partition] = kafka.edges(consumer, topic, partition)[1]
    consumer.close()
    return found
