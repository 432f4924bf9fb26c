"""Runs a worker and its state feed together until one of them ends."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from confluent_kafka import Consumer

from libs.contracts.topics import state_of
from libs.contracts.waking import WAKES
from libs.runtime import kafka, telemetry
from libs.runtime.codec import Codec
from libs.runtime.executor import Executor
from libs.runtime.memory import collect_rarely
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings
from libs.runtime.state_feed import StateFeed
from libs.runtime.worker import Worker

_log = structlog.get_logger()


class Beside(Protocol):
    """A loop of its own thread that runs as long as the worker does."""

    @property
    def ready(self) -> bool:
        """Whether it does its work."""

    def start(self, died: Callable[[BaseException], object]) -> None:
        """Begin; `died` is called with what ended it, and ends the worker."""

    def stop(self) -> None:
        """Begin to end. Called in the event loop, before the worker waits for what is running."""

    def join(self) -> None:
        """Wait for the end."""


def _consumer(name: str, settings: Settings) -> Consumer:
    own = {"enable.partition.eof": True, "session.timeout.ms": settings.session_timeout_ms}
    return kafka.consumer(settings.kafka, f"{settings.prefix}.{name}", settings.slot, **own)


async def serve(
    name: str, aggregate: str, settings: Settings, executor: Executor, *, limit: int, wakes: bool = False, beside: Beside | None = None
) -> int:
    """Carry out the work of service `name` for an aggregate until SIGTERM, and wake every aggregate if told so; returns the exit status."""
    codec = Codec(Registry(settings.registry), settings.prefix, name)
    aggregates = dict.fromkeys([aggregate, *(WAKES if wakes else ())])
    codec.register_soon(settings.prefix, [*(f"{known}.commands" for known in aggregates), "progress"])
    producer = kafka.worker_producer(settings.kafka)
    at_stop = beside.stop if beside else lambda: None
    worker = Worker(name, settings.prefix, settings.environment, codec, producer, executor, limit=limit, at_stop=at_stop)
    loop = asyncio.get_running_loop()
    failures: list[BaseException] = []

    def died(error: BaseException) -> None:
        failures.append(error)
        loop.call_soon_threadsafe(worker.stop)

    feed = StateFeed(
        _consumer(name, settings),
        codec,
        [state_of(settings.prefix, known) for known in aggregates],
        name,
        wakes=wakes,
        deliver=lambda updates: loop.call_soon_threadsafe(worker.take, updates),
        dropped=lambda places: loop.call_soon_threadsafe(worker.drop, places),
        died=died,
    )
    reachable = kafka.reachable(settings.kafka)
    telemetry.serve_health(settings.health_port, lambda: feed.caught_up and (beside is None or beside.ready) and reachable())
    collect_rarely()
    feed.start()
    if beside:
        beside.start(died)
    await worker.run()
    await asyncio.to_thread(feed.stop)
    if beside:
        await asyncio.to_thread(beside.join)
    for error in failures:
        _log.error("a loop ended", error=f"{type(error).__name__}: {error}")
    return 1 if failures else 0
