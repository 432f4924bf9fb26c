"""A database moves while an application writes to it, and not one acknowledged write is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from libs.contracts.migration.plan import ACT
from libs.providers.base import Assignment, NotYet, Progress
from libs.testing import postgres_world
from libs.testing.postgres_move import PostgresMove
from libs.testing.provider_driver import Driver
from libs.testing.sample_database.writer import Writer, doubled, lost

MakeMove = Callable[..., Awaitable[PostgresMove]]
ROWS = 50_000
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.01
UNFENCED_GAP_MS = 1_500
"""Longest gap between writes that a busy test machine explains; a fence that is left on lasts for ever."""


@asynccontextmanager
async def writing(move: PostgresMove, journal: Path) -> AsyncIterator[Writer]:
    writer = Writer("app", move.source_dsn, move.source_dsn.rpartition("/")[2], journal=journal)
    task = asyncio.create_task(writer.run())
    try:
        await more(writer, 100)
        yield writer
        await more(writer, 100)
    finally:
        writer.stop()
        await asyncio.wait_for(task, PATIENCE_SECONDS)


async def more(writer: Writer, writes: int) -> None:
    """Wait until the writer got so many more writes acknowledged."""
    wanted = len(writer.acknowledged) + writes
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if len(writer.acknowledged) >= wanted:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError(f"{len(writer.acknowledged)} writes acknowledged at {writer.place}, {wanted} expected")


async def test_no_acknowledged_write_is_lost_and_the_pause_is_stated(make_move: MakeMove, tmp_path: Path) -> None:
    move = await make_move(sample=ROWS)
    journal = tmp_path / "journal"

    async with writing(move, journal) as writer:
        driver = await Driver.planned(move)
        for step in driver.plan.steps:
            await driver.apply(step)
            if step.name == "switch_connection":
                await more(writer, 100)
        assert writer.place.dsn == move.target_dsn

    assert journal.read_text().split() == writer.acknowledged
    assert await lost(move.target_dsn, writer.acknowledged) == []
    assert await doubled(move.target_dsn) == 0
    verified, switched = driver.evidence["verify_equal"], driver.evidence["switch_connection"]
    assert verified["equal"] is True
    assert int(verified["rows"]) > ROWS
    assert 0 < int(switched["pause_ms"]) <= writer.longest_gap_ms + 50
    assert driver.evidence["lag_zero"]["lag_bytes"] == 0
    assert await leftovers(move.source_dsn) == await leftovers(move.target_dsn) == (0, 0, 0)


async def test_the_target_equals_the_source_in_every_definition_and_row(make_move: MakeMove) -> None:
    move = await make_move()
    before, rows = await postgres_world.shape(move.source_dsn), await postgres_world.contents(move.source_dsn)
    driver = await Driver.planned(move)

    for step in driver.plan.steps:
        await driver.apply(step)

    assert await postgres_world.shape(move.target_dsn) == before
    assert await postgres_world.contents(move.target_dsn) == rows
    assert driver.evidence["copy_unreplicated"] == {"tables": 1, "large_objects": 2}


async def test_a_rollback_after_the_switch_keeps_what_was_written_since(make_move: MakeMove, tmp_path: Path) -> None:
    move = await make_move(sample=ROWS)
    before = await move.snapshot()

    async with writing(move, tmp_path / "journal") as writer:
        driver = await Driver.planned(move)
        for step in driver.reversible():
            await driver.apply(step)
        await more(writer, 200)
        assert writer.place.dsn == move.target_dsn
        await driver.undo_all(driver.reversible())
        await more(writer, 100)
        assert writer.place.dsn == move.source_dsn

    assert await lost(move.source_dsn, writer.acknowledged) == []
    assert await doubled(move.source_dsn) == 0
    after = await move.snapshot()
    assert (after["source"], after["target"]) == (before["source"], before["target"])
    assert await next_order(move.source_dsn) > await highest_order(move.source_dsn)


async def test_a_rollback_after_every_act_leaves_writers_alone_until_the_fence(make_move: MakeMove, tmp_path: Path) -> None:
    move = await make_move(sample=2_000, verify="counts")
    before = await move.snapshot()

    async with writing(move, tmp_path / "journal") as writer:
        driver = await Driver.planned(move)
        names = [step.name for step in driver.plan.steps]
        unfenced = names[: names.index("fence_source")]
        for last in range(1, len(driver.reversible()) + 1):
            writer.longest_gap_ms = 0.0
            steps = driver.reversible()[:last]
            if steps[-1].kind != ACT:
                continue
            for step in steps:
                await driver.apply(step)
            await driver.undo_all(steps)
            await more(writer, 20)
            if steps[-1].name in unfenced:
                assert writer.longest_gap_ms < UNFENCED_GAP_MS, steps[-1].name
                assert writer.refused == 0, steps[-1].name
            after = await move.snapshot()
            assert (after["source"], after["target"]) == (before["source"], before["target"]), steps[-1].name

    assert await lost(move.source_dsn, writer.acknowledged) == []
    assert await doubled(move.source_dsn) == 0


async def test_initial_copy_tells_rows_per_table_and_ends_with_all_tables(make_move: MakeMove) -> None:
    move = await make_move(sample=400_000)
    driver = await Driver.planned(move)
    told: list[tuple[int, int, str]] = []

    async def listen(done: int, total: int, unit: str) -> None:
        told.append((done, total, unit))

    for step in driver.plan.steps:
        if step.name == "initial_copy":
            await listened(driver, driver.work(step, "check"), listen)
            break
        await driver.apply(step)

    tables = [one for one in told if one[2] == "tables"]
    assert tables[-1] == (8, 8, "tables")
    assert any(unit.startswith("rows of shop.") and 0 < done <= total for done, total, unit in told)
    await driver.undo_all(driver.reversible())


async def listened(driver: Driver, work: Assignment, listen: Progress) -> None:
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        with suppress(NotYet):
            await driver.harness.provider.check(work, listen)
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError("the initial copy did not end")


async def test_without_replication_back_the_switch_is_the_point_of_no_return(make_move: MakeMove) -> None:
    move = await make_move(reverse=False)

    driver = await Driver.planned(move)

    assert [step.name for step in driver.plan.steps if step.point_of_no_return] == ["switch_connection", "finalise"]
    assert "reverse_replication" not in [step.name for step in driver.plan.steps]


async def test_the_connection_file_follows_the_switch(make_move: MakeMove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_CONNECTION_DIR", str(tmp_path))
    move = await make_move(
        connection={"name": "shop", "file": str(tmp_path / "shop.json"), "target_dsn": "postgresql://db.example.org/shop"}
    )
    driver = await Driver.planned(move)

    for step in driver.reversible():
        await driver.apply(step)

    assert (tmp_path / "shop.json").read_text() == '{"name":"shop","dsn":"postgresql://db.example.org/shop","epoch":2}\n'
    await driver.undo_all(driver.reversible())
    assert '"epoch":3' in (tmp_path / "shop.json").read_text()


async def leftovers(dsn: str) -> tuple[int, int, int]:
    """Publications, slots and subscriptions of a database."""
    connection = await asyncpg.connect(dsn)
    try:
        return (
            await connection.fetchval("SELECT count(*) FROM pg_publication"),
            await connection.fetchval("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"),
            await connection.fetchval(
                "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()"
            ),
        )
    finally:
        await connection.close()


async def next_order(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT nextval('shop.order_id_seq')"))
    finally:
        await connection.close()


async def highest_order(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval('SELECT max(id) FROM shop."order"'))
    finally:
        await connection.close()
