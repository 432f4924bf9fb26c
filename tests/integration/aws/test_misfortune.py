"""Throttling, faults and lost answers change when a move ends, never how (O5, O9, O11)."""

import asyncio

import pytest

from libs.testing.aws_fleet import Machine, carry_out, fleet, planned, take_back
from libs.testing.aws_move import seen
from libs.testing.cloud.chance import Rule
from libs.testing.cloud.leaks import leaks
from tests.integration.aws.conftest import Moving

UNLUCKY = {"throttled": 0.03, "failed": 0.03, "lost": 0.03}


async def moved(machine: Machine) -> None:
    driver = await planned(machine)
    for step in driver.plan.steps:
        await carry_out(driver, step)


@pytest.mark.timeout(900)
async def test_an_unlucky_fleet_arrives_complete_O5(cloud: Moving) -> None:
    async with cloud(seed=7, **UNLUCKY) as move:
        machines = fleet(move, 6)

        await asyncio.gather(*map(moved, machines))

        world = move.world
        launches = [job["by"] for _, job in world.books.all("job") if job["type"] == "LAUNCH"]
        assert leaks(world, {machine.name for machine in machines}) == []
        assert (launches.count("START_TEST"), launches.count("START_CUTOVER")) == (6, 6)
        assert world.books.get("factory wave", "7") == {"wave_id": "7", "wave_status": "Completed"}


@pytest.mark.timeout(900)
async def test_an_unlucky_rollback_leaves_nothing_O9(cloud: Moving) -> None:
    async with cloud(seed=8, **UNLUCKY) as move:
        machines = fleet(move, 4)
        before = seen(move.world)

        async def there_and_back(machine: Machine) -> None:
            driver = await planned(machine)
            for step in driver.reversible():
                await carry_out(driver, step)
            await take_back(driver, driver.reversible())

        await asyncio.gather(*map(there_and_back, machines))

        assert move.leaks() == []
        assert seen(move.world) == before


@pytest.mark.parametrize(
    ("operation", "kind", "expected"),
    [
        ("StartTest", "job", 3),
        ("StartCutover", "job", 3),
        ("TerminateTargetInstances", "job", 3),
        ("CreateSnapshots", "snapshot", 1),
        ("CreateLaunchTemplateVersion", "template", 1),
        ("ChangeResourceRecordSets", "zone", 1),
        ("FinalizeCutover", "server", 1),
        ("PUT agents", "agent", 1),
        ("PATCH cmdb", "ci", 1),
    ],
)
async def test_a_lost_answer_is_found_again_and_nothing_made_twice_O5(cloud: Moving, operation: str, kind: str, expected: int) -> None:
    async with cloud(rules=(Rule(operation=operation, fault="lose"),)) as move:
        await moved(Machine(move.provider, move.request))

        assert len(list(move.world.books.all(kind))) == expected
        assert move.leaks(completed=True) == []
