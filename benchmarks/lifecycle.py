"""`lifecycle`: eight-step migrations of no-op steps through the whole stack: HTTP, validator, workers, projector, PostgreSQL."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg
from confluent_kafka import Message, TopicPartition

from benchmarks.bare import eight_steps_per_second
from benchmarks.report import DURABILITY, DURABILITY_FSYNC, line, percentile, spent, usage
from benchmarks.rig import OPTIONS, TENANT, Rig, rig
from deploy.embedded.ports import free_port
from deploy.embedded.stack import Stack
from libs.contracts.migration.events import MigrationCompleted, MigrationRequested
from libs.edge.issuer import LocalIssuer

SERVICES = ("validator", "migrator", "verifier", "notifier", "projector")
EVENTS_EACH = 20
"""Requested, planned, nine dispatches, eight successes, completed."""
ALONE = 40
WARM_UP = 10_000
"""Lifecycles before anything is measured: the broker's JVM compiles its hot code meanwhile, for .5 ms of CPU a lifecycle."""
LIMIT_S = 600.0
COMPLETED = "SELECT coalesce(sum(count), 0)::bigint FROM status_count WHERE tenant = $1 AND status = 'completed'"


class Clients:
    """HTTP to ingress and SQL to the read model."""

    def __init__(self, port: int, data_dir: Path, postgres: str) -> None:
        token = LocalIssuer(data_dir).issue(TENANT, "bench", ["admin"], 7_200)
        self.url = f"http://127.0.0.1:{port}/v1/migrations:bulk"
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self.postgres = postgres

    async def request(self, names: list[str]) -> None:
        """Ask for migrations, one a line; raises RuntimeError when one is not taken."""
        template = f'{{"migrationId":"%s","appName":"bench","provider":"rehearsal","environment":"dev","source":{{}},"target":{{}},"options":{OPTIONS}}}\n'
        body = "".join(template % name for name in names).encode()
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=self.headers) as response:
            answers = await response.text()
            taken = answers.count('"status":202')
            if response.status != 200 or taken != len(names):
                raise RuntimeError(f"{taken} of {len(names)} lines were taken: {response.status} {answers[:300]}")

    async def wait_projected(self, prefix: str, count: int) -> None:
        """Return once so many migrations are completed in the read model."""
        connection = await asyncpg.connect(self.postgres)
        try:
            schema = await connection.fetchval("SELECT live FROM whimbrel.generation WHERE prefix = $1", prefix)
            await connection.execute("SELECT set_config('search_path', $1, false)", schema)
            until = time.monotonic() + LIMIT_S
            while await connection.fetchval(COMPLETED, TENANT) < count:
                if time.monotonic() > until:
                    raise RuntimeError("the read model did not get there")
                await asyncio.sleep(0.05)
        finally:
            await connection.close()


class Watch:
    """Reads events from some places on and remembers how long each migration took, by the times at which Kafka was given them.

    Types are told by the schema id in the first five bytes: reading headers would take a share of what is measured.
    """

    def __init__(self, rig: Rig, places: list[TopicPartition]) -> None:
        self._consumer = rig.reader(places)
        self._requested, self._completed = (rig.frame(kind) for kind in (MigrationRequested, MigrationCompleted))
        self.took: dict[bytes, float] = {}
        self._began: dict[bytes, float] = {}
        self.events = 0

    def until(self, count: int, at_once: int = 10_000) -> None:
        """Read until so many migrations have completed, up to `at_once` events at a time: fewer are seen only after 20 ms."""
        deadline = time.monotonic() + LIMIT_S
        while len(self.took) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(self.took)} of {count} migrations completed in {LIMIT_S:.0f} s")
            for message in self._consumer.consume(at_once, 0.02):
                if message.error() is None:
                    self._take(message)

    def _take(self, message: Message) -> None:
        self.events += 1
        frame = (message.value() or b"")[:5]
        if frame == self._requested:
            self._began[message.key() or b""] = message.timestamp()[1] / 1_000
        elif frame == self._completed:
            self.took[message.key() or b""] = message.timestamp()[1] / 1_000 - self._began[message.key() or b""]


async def _alone(rig: Rig, clients: Clients) -> list[float]:
    """Milliseconds from the request to the completing event, one migration at a time."""
    watch, took = Watch(rig, rig.ends(rig.events)), []
    for number in range(ALONE):
        began = time.monotonic()
        await clients.request([f"alone-{number}"])
        await asyncio.to_thread(watch.until, number + 1, 1)
        took.append((time.monotonic() - began) * 1_000)
    return took[5:]


async def _loaded(rig: Rig, clients: Clients, names: list[str], projected: int) -> float:
    """Seconds from the request for all until so many are completed in the read model."""
    began = time.monotonic()
    await clients.request(names)
    await clients.wait_projected(rig.prefix, projected)
    return time.monotonic() - began


class Measured(NamedTuple):
    """What one run came to. Times are in seconds, those of migrations one at a time in milliseconds."""

    warm_up: float
    alone: list[float]
    seconds: float
    watch: Watch
    used: dict[str, Any]


async def _measure(rig: Rig, clients: Clients, n: int, pids: dict[str, int]) -> Measured:
    warm_up = await _loaded(rig, clients, [f"w{number}" for number in range(WARM_UP)], WARM_UP)
    alone = await _alone(rig, clients)
    places, before = rig.ends(rig.events), usage(pids)
    seconds = await _loaded(rig, clients, [f"m{number}" for number in range(n)], WARM_UP + ALONE + n)
    used = spent(before, usage(pids))
    watch = Watch(rig, places)  # only now: reading the events meanwhile would be a load of its own
    watch.until(n)
    return Measured(warm_up, alone, seconds, watch, used)


def run(stack: Stack, n: int = 20_000, *, kafka_fsync: bool = False) -> dict[str, Any]:
    """Measure at saturation and one at a time, in a stack that is warm; `warm_up_per_s` is what it did while it was not."""
    with rig(stack) as bare:
        limit = eight_steps_per_second(bare, n)
    with rig(stack) as ours, tempfile.TemporaryDirectory() as home:
        port = free_port()
        environment = {"WHIMBREL_HTTP_PORT": str(port), "WHIMBREL_DATA_DIR": home, "WHIMBREL_WORK_LIMIT": "512"}
        running = {name: ours.services.start(f"services.{name}", 0, **environment) for name in (*SERVICES, "ingress")}
        for name in SERVICES:
            running[name].wait_ready()
        clients = Clients(port, Path(home), stack.postgres)
        asyncio.run(_wait_http(port))
        pids = (
            {name: service.pid for name, service in running.items()}
            | {c.name: c.pid for c in stack.status() if c.pid}
            | {"bench": os.getpid()}
        )
        found = asyncio.run(_measure(ours, clients, n, pids))
    if found.watch.events < n * EVENTS_EACH:
        raise RuntimeError(f"only {found.watch.events} events for {n} migrations of {EVENTS_EACH}")
    took = [value * 1_000 for value in found.watch.took.values()]
    return line(
        "lifecycle_fsync" if kafka_fsync else "lifecycle",
        n,
        n / found.seconds,
        "lifecycles/s",
        limit,
        limit_is="a bare transaction loop that records eight steps",
        alone_p50_ms=round(percentile(found.alone, 0.5), 1),
        alone_p99_ms=round(percentile(found.alone, 0.99), 1),
        loaded_p50_ms=round(percentile(took, 0.5)),
        loaded_p99_ms=round(percentile(took, 0.99)),
        events_per_s=round(found.watch.events / found.seconds),
        warm_up_per_s=round(WARM_UP / found.warm_up, 1),
        processes=found.used,
        durability=DURABILITY_FSYNC if kafka_fsync else DURABILITY,
    )


async def _wait_http(port: int) -> None:
    until = time.monotonic() + 60
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError("ingress did not become ready")
