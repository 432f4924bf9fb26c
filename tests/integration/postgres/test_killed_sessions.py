"""Sessions of a move are ended by an administrator, again and again: each act ends in a clear error and can be repeated or undone."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from libs.contracts.migration.plan import ACT, Step
from libs.providers.base import ProviderError
from libs.testing.postgres_move import PostgresMove
from libs.testing.provider_driver import Driver, no_progress

MakeMove = Callable[..., Awaitable[PostgresMove]]
KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name ~ '^whimbrel/[0-9a-f]{16}/'"


class Killer:
    """Ends every session of a move on both servers as soon as it sees one."""

    def __init__(self, move: PostgresMove) -> None:
        self.move = move
        self.killed = 0

    async def run(self, first: int) -> None:
        """Let the first few looks pass, then kill on sight until cancelled."""
        sessions = [await asyncpg.connect(dsn) for dsn in (self.move.source_dsn, self.move.target_dsn)]
        try:
            for look in range(1_000_000):
                for session in sessions:
                    if look >= first:
                        self.killed += await session.fetchval(KILL)
        finally:
            for session in sessions:
                session.terminate()


@pytest.mark.parametrize("first", [0, 3, 10])
async def test_an_act_whose_sessions_are_killed_ends_clearly_and_is_undone(make_move: MakeMove, first: int) -> None:
    move = await make_move()
    driver = await Driver.planned(move)
    start = await move.snapshot()
    killer = Killer(move)

    for step in driver.reversible():
        if step.kind == ACT:
            before = await move.snapshot()
            await _apply_under(killer, driver, step, first)
            await driver.undo(step)
            assert await move.snapshot() == before, step.name
        await driver.apply(step)
    await driver.undo_all(driver.reversible())

    assert await move.snapshot() == start
    assert killer.killed > 0


async def _apply_under(killer: Killer, driver: Driver, step: Step, first: int) -> None:
    killing = asyncio.create_task(killer.run(first))
    (outcome,) = await asyncio.gather(driver.harness.provider.apply(driver.work(step, "apply"), no_progress), return_exceptions=True)
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, ProviderError), step.name
        assert outcome.problem.code in {"connection_lost", "connection_failed", "schema_dump_failed"}, step.name
        assert outcome.retryable
