"""For random positions and times, answers as of then equal those of read models rebuilt from that prefix of the log."""

import asyncio
from random import Random  # noqa: TID251 - always seeded
from typing import Any

import msgspec
import pytest

from libs.readmodel.errors import InvalidQuery, NotKnownYet
from libs.readmodel.position import Position
from libs.readmodel.queries.counts import by_status
from libs.readmodel.queries.migrations import Filter, listed, one
from libs.readmodel.queries.notifications import deliveries, delivery, subscriptions
from libs.readmodel.queries.timeline import events
from libs.readmodel.reading import ReadModel
from libs.runtime.settings import Settings
from libs.runtime.sink import Pool
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.conftest import ends_of, serving
from tests.integration.readmodel.stories import TENANTS, wander

FILTERS = [
    Filter(),
    Filter(archived=True),
    Filter(sort="requested_at"),
    Filter(sort="due_at"),
    Filter(status=("replicating", "paused", "failed")),
    Filter(status=("completed",), sort="requested_at"),
    Filter(status=("rolling_back", "stopping"), sort="due_at"),
    Filter(ended=False),
    Filter(ended=True, sort="due_at"),
    Filter(application="billing", status=("awaiting_approval", "waiting", "replicating", "cancelled")),
    Filter(application="billing-api"),
    Filter(wave="w1"),
    Filter(wave="w2", status=("replicating", "rolled_back")),
    Filter(provider="postgres", ended=False),
    Filter(labels=("team=core",)),
    Filter(labels=("team=core",), wave="w1", sort="due_at"),
    Filter(search="bil"),
    Filter(search="MIG", status=("replicating", "completed")),
    Filter(due_before=1_700_000_000_900_000, sort="due_at"),
]


async def _everything(read: ReadModel, at: Any, ids: list[tuple[str, str, str]]) -> bytes:
    """Every answer there is, as bytes; pages are small so that paging is part of it."""
    found: list[Any] = []
    async with read.snapshot(at) as snapshot:
        for tenant in TENANTS:
            found.append(sorted((await by_status(snapshot, tenant)).items()))
            for wanted in FILTERS:
                found.append(await _all(lambda **page: listed(snapshot, tenant, wanted, **page)))
            found.append(await _all(lambda **page: deliveries(snapshot, tenant, **page)))
            found.append(await _all(lambda **page: deliveries(snapshot, tenant, subscription="sub-1", **page)))
            found.append(await _all(lambda **page: subscriptions(snapshot, tenant, **page)))
        for kind, tenant, id_ in ids:
            found.append(await one(snapshot, tenant, id_) if kind == "migration" else await delivery(snapshot, tenant, id_))
            facts = await _all(lambda **page: events(snapshot, kind, tenant, id_, **page))
            found.append([(fact.pos, fact.envelope, type(fact.body).__name__, fact.body) for fact in facts])
    return msgspec.json.encode(found, order="deterministic")


async def _all(query: Any) -> list[Any]:
    rows: list[Any] = []
    cursor = ""
    while True:
        page = await query(limit=5, cursor=cursor)
        rows += page.rows
        cursor = page.cursor
        if not cursor:
            return rows


@pytest.mark.parametrize("seed", [11, 12])
async def test_as_of_random_positions(seed: int, settings: Settings, pool: Pool, writer: LogWriter, project: Any, read: ReadModel) -> None:
    wander(writer, seed, steps=350)
    live = await project(max_batch=50)
    ends, chance = ends_of(settings), Random(seed)
    ids = sorted(writer.states)
    for number in range(5):
        until = {place: chance.randrange(end + 1) if place[0].endswith(".events") else 0 for place, end in ends.items()}
        at = Position(
            {(topic.split(".")[1], partition): offset for (topic, partition), offset in until.items() if topic.endswith(".events")}
        )
        then = await _everything(read, at, ids)
        rebuilt = f"{live}_{number}"
        await project(rebuilt, until)
        await _use(pool, settings.prefix, rebuilt)
        assert then == await _everything(read, None, ids)
        await _use(pool, settings.prefix, live)


async def test_as_of_a_time_is_what_was_recorded_by_then(settings: Settings, pool: Pool, writer: LogWriter, read: ReadModel) -> None:
    wander(writer, 13, steps=200)
    async with serving(settings, pool):
        while True:  # an empty partition has no event to tell how far it is known: the projector's look at its end does
            async with read.snapshot() as snapshot:
                if await snapshot.safe_time() >= writer.now:
                    break
            await asyncio.sleep(0.1)
    moments = sorted({writer.now - 1_000 * back for back in (1, 50, 120, 199)})
    for moment in moments:
        async with read.snapshot(moment) as snapshot:
            assert snapshot.at is not None
            assert snapshot.answered is snapshot.at
            for kind, tenant, id_ in writer.states:
                page = await events(snapshot, kind, tenant, id_, limit=500)
                assert all(fact.envelope.recorded_at <= moment for fact in page.rows)
            told = await _told(read, writer)
            assert sum(1 for at in told if at <= moment) == sum(
                [len((await events(snapshot, *key, limit=500)).rows) for key in writer.states]
            )
            again = await _everything(read, snapshot.at, sorted(writer.states))
        assert again == await _everything(read, moment, sorted(writer.states))


async def _told(read: ReadModel, writer: LogWriter) -> list[int]:
    async with read.snapshot() as snapshot:
        return [fact.envelope.recorded_at for key in writer.states for fact in (await events(snapshot, *key, limit=500)).rows]


async def test_what_is_not_known_yet_is_refused(settings: Settings, writer: LogWriter, project: Any, read: ReadModel) -> None:
    wander(writer, 14, steps=40)
    await project(until={place: end // 2 for place, end in ends_of(settings).items()})
    with pytest.raises(NotKnownYet) as refused:
        async with read.snapshot(writer.now + 10**15):
            pass
    async with read.snapshot(refused.value.safe_time) as snapshot:
        assert await by_status(snapshot, "acme") is not None
    beyond = Position({place: offset + 10**6 for place, offset in (await read.position()).items()})
    with pytest.raises(NotKnownYet):
        async with read.snapshot(beyond):
            pass


async def test_a_position_that_names_too_little_is_refused(writer: LogWriter, project: Any, read: ReadModel) -> None:
    wander(writer, 15, steps=40)
    await project()
    async with read.snapshot(Position({("migration", 0): 1})) as snapshot:
        with pytest.raises(InvalidQuery, match="migration:1"):
            await by_status(snapshot, "acme")
    with pytest.raises(InvalidQuery, match="migration:99"):
        async with read.snapshot(Position({("migration", 99): 1})):
            pass


async def _use(pool: Pool, prefix: str, schema: str) -> None:
    async with pool.acquire() as connection:
        await connection.execute("UPDATE whimbrel.generation SET live = $2 WHERE prefix = $1", prefix, schema)
