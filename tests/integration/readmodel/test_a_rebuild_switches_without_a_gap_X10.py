"""Read models are rebuilt beside the live ones, compared row by row, and switched while readers go on reading."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from libs.readmodel import projecting, wiring
from libs.readmodel.dump import dump
from libs.readmodel.position import Position
from libs.readmodel.queries.counts import by_status
from libs.readmodel.queries.migrations import Filter, listed
from libs.readmodel.reading import ReadModel
from libs.readmodel.rebuild import rebuild
from libs.runtime.settings import Settings
from libs.runtime.sink import Pool
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.conftest import ends_of, serving
from tests.integration.readmodel.stories import wander


async def _told(read: ReadModel, partitions: dict[Any, int]) -> None:
    wanted = {(place[0].split(".")[1], place[1]): end for place, end in partitions.items() if place[0].endswith(".events")}
    await read.wait_for(Position(wanted), 60)


async def test_bytes_are_equal_and_readers_see_no_gap_R7(settings: Settings, pool: Pool, writer: LogWriter, read: ReadModel) -> None:
    wander(writer, 31)
    async with serving(settings, pool):
        await _told(read, ends_of(settings))
        async with pool.acquire() as connection:
            before = await dump(connection, f"{settings.prefix.replace('-', '_')}_rm_1")
        done = asyncio.Event()
        reading = asyncio.create_task(_read_on(read, done))
        async with wiring.open_pool(settings.postgres, most=4) as own:
            report = await rebuild(settings, own)
        async with pool.acquire() as connection:
            assert await dump(connection, report.after) == before
            schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE $1 || '%'"
            assert [row[0] for row in await connection.fetch(schemas, settings.prefix.replace("-", "_"))] == [report.after]
        assert (report.different, report.differences) == (0, [])
        wander(writer, 32, steps=60, name="later")
        await _told(read, ends_of(settings))
        done.set()
        assert await reading > 10


async def _read_on(read: ReadModel, done: asyncio.Event) -> int:
    """Read again and again; positions never go back, and rows agree with counts. Returns how often."""
    times, last = 0, None
    while not done.is_set():
        async with read.snapshot() as snapshot:
            rows = (await listed(snapshot, "acme", Filter(archived=True), limit=500)).rows
            assert sum((await by_status(snapshot, "acme")).values()) == len(rows)
            assert last is None or snapshot.position.reaches(last)
            last = snapshot.position
        times += 1
        await asyncio.sleep(0.005)
    return times


async def test_a_planted_bug_shows_as_exactly_the_rows_it_spoilt(
    settings: Settings, pool: Pool, writer: LogWriter, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, spoilt = projecting.VIEWS[1], set[str]()

    def evolve(row: Any, fact: Any) -> Any:
        after = view.evolve(row, fact)
        if row is not None or after.wave != "w1":
            return after
        spoilt.add(after.id)
        return replace(after, requested_by="a bug")

    with monkeypatch.context() as planted:
        planted.setitem(projecting.VIEWS, 1, view._replace(evolve=evolve))
        wander(writer, 33, steps=400)
        await project()
    async with wiring.open_pool(settings.postgres, most=4) as own:
        report = await rebuild(settings, own)
    assert spoilt
    assert {difference.key[1] for difference in report.differences} == spoilt
    assert {difference.table for difference in report.differences} == {"migration"}
    assert report.different == len(spoilt)
    assert all("a bug" in line for line in report.lines()[1:])
