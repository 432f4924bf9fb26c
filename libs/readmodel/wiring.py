"""Settings to a projector that is ready to run; shared by the service, the rebuild and the benchmarks."""

import asyncio
from functools import partial

import asyncpg
import structlog
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from libs.contracts.topics import TOPICS
from libs.readmodel import generations
from libs.readmodel.projecting import VIEWS, Projector
from libs.readmodel.view import declare
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings
from libs.runtime.sink import DATABASE_FAULTS, MAX_BATCH, Pool, Sink, passes

_log = structlog.get_logger()
EOF = {"enable.partition.eof": True}


def topics_of(prefix: str) -> list[str]:
    """Topics that the projector reads."""
    return [f"{prefix}.{topic.name}" for topic in TOPICS if "projector" in topic.readers]


def open_pool(dsn: str, *, most: int = 2) -> Pool:
    """A pool that connects when it is used, so that a database that is away delays only its users."""
    return asyncpg.create_pool(dsn, min_size=0, max_size=most, command_timeout=300, init=partial(declare, views=VIEWS.values()))


async def prepared(pool: Pool, prefix: str) -> str:
    """Schema of the live generation, created or brought up to date; waits for the database."""
    while True:
        try:
            async with pool.acquire() as connection:
                return await generations.prepare(connection, prefix)
        except DATABASE_FAULTS as error:
            if not passes(error):
                raise
            _log.warning("waiting for PostgreSQL", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(1.0)


async def sink_of(settings: Settings, pool: Pool) -> Sink:
    """The projector's sink: member of the group `<prefix>.projector`, filling whichever generation is live."""
    await prepared(pool, settings.prefix)
    consumer = kafka.consumer(settings.kafka, f"{settings.prefix}.projector", settings.slot, **EOF)
    return sink_into(settings, pool, consumer, Projector(settings.prefix))


def sink_into(settings: Settings, pool: Pool, consumer: Consumer, target: Projector, max_batch: int = MAX_BATCH) -> Sink:
    """A sink of all topics of the read models into one target."""
    codec = Codec(Registry(settings.registry), settings.prefix, "projector")
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    return Sink(consumer, admin, codec, topics_of(settings.prefix), pool, target, max_batch=max_batch)
