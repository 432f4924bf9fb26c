"""Runs a worker and its state feed together until one of them ends."""

import asyncio

import structlog

from libs.contracts.topics import state_of
from libs.runtime import kafka, telemetry
from libs.runtime.codec import Codec
from libs.runtime.memory import collect_rarely
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings
from libs.runtime.state_feed import StateFeed
from libs.runtime.worker import Executor, Worker

_log = structlog.get_logger()


async def serve(name: str, aggregate: str, settings: Settings, executor: Executor, *, limit: int, wakes: bool = False) -> int:
    """Carry out the work of service `name` for an aggregate until SIGTERM; returns the exit status."""
    codec = Codec(Registry(settings.registry), settings.prefix, name)
    worker = Worker(name, settings.prefix, settings.environment, codec, kafka.worker_producer(settings.kafka), executor, limit=limit)
    loop = asyncio.get_running_loop()
    failures: list[BaseException] = []

    def died(error: BaseException) -> None:
        failures.append(error)
        loop.call_soon_threadsafe(worker.stop)

    feed = StateFeed(
        kafka.consumer(settings.kafka, f"{settings.prefix}.{name}", settings.slot, **{"enable.partition.eof": True}),
        codec,
        [state_of(settings.prefix, aggregate)],
        name,
        wakes=wakes,
        deliver=lambda updates: loop.call_soon_threadsafe(worker.take, updates),
        dropped=lambda places: loop.call_soon_threadsafe(worker.drop, places),
        died=died,
    )
    telemetry.serve_health(settings.health_port, lambda: feed.caught_up)
    collect_rarely()
    feed.start()
    await worker.run()
    await asyncio.to_thread(feed.stop)
    for error in failures:
        _log.error("state feed ended", error=f"{type(error).__name__}: {error}")
    return 1 if failures else 0
