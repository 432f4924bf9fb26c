"""Once the source is fenced nothing writes to it: not old sessions, prepared statements, old snapshots or replication roles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from libs.contracts.migration.plan import Step
from libs.providers.base import ProviderError
from libs.testing import postgres_world
from libs.testing.postgres_move import PostgresMove
from libs.testing.provider_driver import Driver, no_progress

MakeMove = Callable[..., Awaitable[PostgresMove]]
PASSWORD = "of-the-application"
ENDED = (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, asyncpg.InternalClientError)

WAYS_TO_WRITE = (
    "INSERT INTO public.by_index VALUES (1000, 'x')",
    "UPDATE public.customer SET name = 'x' WHERE id = 1",
    "DELETE FROM public.log_2025",
    "INSERT INTO public.log VALUES (1, '2027-02-02', 'x')",
    "MERGE INTO public.by_index b USING (SELECT 5 AS a) s ON b.a = s.a WHEN MATCHED THEN DELETE",
    "TRUNCATE public.audit",
    "UPDATE public.session SET data = '1'",
    "DELETE FROM public.keyless",
    "UPDATE public.happy SET name = name || '!'",
    """INSERT INTO "Odd Schéma"."Ta'ble ""with"" all" VALUES ('a', 1)""",
    "DO $$ BEGIN INSERT INTO public.empty VALUES (1); END $$",
)
SESSIONS: tuple[dict[str, str], ...] = (
    {},
    {"default_transaction_read_only": "off"},
    {"default_transaction_read_only": "off", "session_replication_role": "replica"},
)


class Fence:
    """A move that stands before its fence."""

    def __init__(self, move: PostgresMove, driver: Driver) -> None:
        self.move = move
        self.driver = driver
        self.step: Step = next(step for step in driver.plan.steps if step.name == "fence_source")

    async def on(self) -> dict[str, object]:
        """Fence the source."""
        return dict(await self.move.provider.apply(self.driver.work(self.step, "apply"), no_progress))

    async def off(self) -> None:
        """Open the source."""
        await self.driver.undo(self.step)

    async def session(self, **settings: str) -> "asyncpg.Connection[asyncpg.Record]":
        """An application's session at the source."""
        return await asyncpg.connect(self.move.source_dsn, server_settings=settings, command_timeout=20)


@pytest.fixture
async def fence(make_move: MakeMove) -> AsyncIterator[Fence]:
    move = await make_move()
    driver = await Driver.planned(move)
    await driver.apply(driver.plan.steps[0])
    made = Fence(move, driver)
    yield made
    await made.off()
    await driver.undo(driver.plan.steps[0])


async def test_no_way_to_write_is_left_and_all_come_back(fence: Fence) -> None:
    before = await postgres_world.contents(fence.move.source_dsn)
    await fence.on()

    for settings in SESSIONS:
        session = await fence.session(**settings)
        for statement in WAYS_TO_WRITE:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await session.execute(statement)
        assert await session.fetchval("SELECT count(*) FROM public.customer") == 500
        assert await session.fetchval("SELECT dsn FROM whimbrel.connection")
        await session.close()

    assert await postgres_world.contents(fence.move.source_dsn) == before
    await fence.off()
    session = await fence.session()
    for statement in WAYS_TO_WRITE:
        await session.execute(statement)
    await session.close()


async def test_a_new_session_of_another_role_draws_no_sequence_and_makes_no_table(fence: Fence) -> None:
    await fence.on()
    owner = await fence.session()
    await owner.execute(
        f"DO $$ BEGIN CREATE ROLE application LOGIN SUPERUSER PASSWORD '{PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    await owner.close()
    session = await asyncpg.connect(fence.move.source_dsn, user="application", password=PASSWORD)

    for statement in ("SELECT nextval('public.loose_seq')", "CREATE TABLE t ()", "SELECT lo_create(0)"):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await session.execute(statement)

    await session.close()


async def test_writers_with_prepared_statements_stop_at_one_moment(fence: Fence) -> None:
    acknowledged: list[int] = []

    async def write(first: int) -> None:
        session = await fence.session()
        try:
            statement = await session.prepare("INSERT INTO public.by_index VALUES ($1, 'new')")
            for number in range(first, first + 100_000):
                await statement.fetch(number)
                acknowledged.append(number)
        except (asyncpg.ReadOnlySQLTransactionError, *ENDED):
            pass
        finally:
            session.terminate()

    writers = [asyncio.create_task(write(1_000_000 * lane)) for lane in range(1, 9)]
    await _until(lambda: _truth(len(acknowledged) >= 200))
    await fence.on()
    fenced = await _count(fence)
    await asyncio.gather(*writers)

    assert await _count(fence) == fenced
    assert await _missing(fence, acknowledged) == []


async def test_a_transaction_with_an_old_snapshot_cannot_write_after_the_fence(fence: Fence) -> None:
    session = await fence.session(application_name="whimbrel/a-session-that-is-not-ended")
    await session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await session.execute("SELECT * FROM pg_class")
    await fence.on()

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await session.execute("INSERT INTO public.by_index VALUES (-1, 'old snapshot')")

    await session.close()


async def test_a_transaction_in_flight_gets_its_grace(fence: Fence) -> None:
    session = await fence.session()
    await session.execute("BEGIN")
    await session.execute("INSERT INTO public.by_index VALUES (-2, 'in time')")

    fencing = asyncio.create_task(fence.on())
    await _waiting_for_lock(fence)
    await session.execute("COMMIT")
    evidence = await fencing

    assert evidence["sessions_ended"] == 0
    assert await _missing(fence, [-2]) == []
    session.terminate()


async def test_a_transaction_that_outstays_its_grace_is_ended_and_leaves_nothing(fence: Fence) -> None:
    session = await fence.session()
    await session.execute("BEGIN")
    await session.execute("INSERT INTO public.by_index VALUES (-3, 'too late')")

    evidence = await fence.on()

    assert evidence["sessions_ended"] == 1
    with pytest.raises(ENDED):
        await session.execute("COMMIT")
    assert await _missing(fence, [-3]) == [-3]


async def test_two_transactions_that_lock_tables_crosswise_do_not_hold_the_fence_up(fence: Fence) -> None:
    sessions = [await fence.session() for _ in range(2)]
    for session, first in zip(sessions, ("public.by_index", "public.keyless"), strict=True):
        await session.execute("BEGIN")
        await session.execute(f"UPDATE {first} SET b = b")

    fencing = asyncio.create_task(fence.on())
    await _waiting_for_lock(fence)
    crossing = [
        asyncio.create_task(session.execute(f"UPDATE {second} SET b = b"))
        for session, second in zip(sessions, ("public.keyless", "public.by_index"), strict=True)
    ]
    evidence = await fencing
    await asyncio.gather(*crossing, return_exceptions=True)

    assert int(str(evidence["sessions_ended"])) >= 1
    for session in sessions:
        session.terminate()


async def test_a_setting_of_before_comes_back(fence: Fence) -> None:
    database = fence.move.source_dsn.rpartition("/")[2]
    session = await fence.session()
    await session.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = 'off'")
    await session.close()
    before = (await postgres_world.shape(fence.move.source_dsn))["settings"]

    await fence.on()
    assert (await postgres_world.shape(fence.move.source_dsn))["settings"] != before
    await fence.off()

    assert (await postgres_world.shape(fence.move.source_dsn))["settings"] == before


async def test_the_switch_is_refused_without_the_fence_D3(fence: Fence) -> None:
    step = next(step for step in fence.driver.plan.steps if step.name == "switch_connection")

    with pytest.raises(ProviderError, match="source_not_fenced") as refused:
        await fence.move.provider.apply(fence.driver.work(step, "apply"), no_progress)

    assert not refused.value.retryable


async def _truth(value: bool) -> bool:
    return value


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(4_000):
        if await holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the condition did not come to hold")


async def _waiting_for_lock(fence: Fence) -> None:
    """Wait until the fence waits for a table."""
    session = await fence.session(application_name="whimbrel/look")
    query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%' AND datname = current_database())"
    await _until(lambda: session.fetchval(query))
    await session.close()


async def _count(fence: Fence) -> int:
    session = await fence.session()
    try:
        return int(await session.fetchval("SELECT count(*) FROM public.by_index"))
    finally:
        await session.close()


async def _missing(fence: Fence, numbers: list[int]) -> list[int]:
    session = await fence.session()
    try:
        query = "SELECT n FROM unnest($1::int[]) n WHERE NOT EXISTS (SELECT FROM public.by_index WHERE a = n)"
        return [row[0] for row in await session.fetch(query, numbers)]
    finally:
        await session.close()
