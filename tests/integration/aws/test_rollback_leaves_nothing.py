"""Rolled back from any step boundary and from half of any act, a move leaves nothing in the cloud (O4, O5, O7, O9)."""

import asyncio

import pytest

from libs.contracts.migration.plan import ACT
from libs.providers.base import Assignment
from libs.testing.aws_fleet import Machine, carry_out, fleet, planned, take_back
from libs.testing.aws_move import AwsMove, seen
from libs.testing.provider_driver import no_progress, stopped_at
from tests.integration.aws.conftest import Moving

BOUNDARIES = 21
"""Steps before the point of no return of the plan with every port."""


async def rolled_back_after(machine: Machine, steps: int) -> None:
    driver = await planned(machine)
    assert len(driver.reversible()) == BOUNDARIES
    done = driver.reversible()[:steps]
    for step in done:
        await carry_out(driver, step)
    await take_back(driver, done)


@pytest.mark.timeout(900)
async def test_nothing_is_left_after_a_rollback_at_every_step_boundary_O9(cloud: Moving) -> None:
    async with cloud(quota=100) as move:
        machines = fleet(move, BOUNDARIES + 1)
        before = seen(move.world)

        await asyncio.gather(*(rolled_back_after(machine, steps) for steps, machine in enumerate(machines)))

        assert move.leaks() == []
        assert seen(move.world) == before


async def rolled_back_within(machine: Machine, number: int, awaits: int) -> None:
    driver = await planned(machine)
    acts = [step for step in driver.reversible() if step.kind == ACT]
    step = acts[number % len(acts)]
    done = driver.reversible()[: driver.reversible().index(step) + 1]
    for one in done[:-1]:
        await carry_out(driver, one)
    work: Assignment = driver.work(step, "apply")
    _, task = await stopped_at(driver.harness.provider.apply(work, no_progress), awaits)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await take_back(driver, done)


@pytest.mark.timeout(900)
async def test_nothing_is_left_after_a_rollback_from_half_of_any_act_O9(cloud: Moving) -> None:
    async with cloud(quota=100, agents="stopped") as move:
        machines = fleet(move, 26)
        before = seen(move.world)

        await asyncio.gather(*(rolled_back_within(machine, n, 5 + 11 * (n // 13)) for n, machine in enumerate(machines)))

        assert move.leaks() == []
        assert seen(move.world) == before


async def test_the_leaks_of_a_move_that_stands_are_found(cloud: Moving) -> None:
    async with cloud() as move:
        await stand_at_the_cutover(move)

        words = " ".join(move.leaks())

        assert all(word in words for word in ("source server", "CUTTING_OVER instance", "snapshot", "order"))


async def stand_at_the_cutover(move: AwsMove) -> None:
    driver = await planned(Machine(move.provider, move.request))
    for step in driver.reversible():
        await carry_out(driver, step)
