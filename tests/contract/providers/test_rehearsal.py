"""The rehearsal provider keeps the contract of a provider, and fails exactly when told to."""

from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import pytest

from libs.providers.base import Fenced, MoveRequest, NotYet, ProviderError
from libs.providers.catalogue import PROVIDERS
from libs.providers.rehearsal import world
from libs.providers.rehearsal.provider import RehearsalProvider
from libs.testing.provider_driver import Driver, no_progress
from libs.testing.provider_suite import ChunkedProviderSuite


def a_request(**options: Any) -> MoveRequest:
    return MoveRequest(tenant="acme", migration="mig-1", provider="rehearsal", source={}, target={}, options=options)


class World:
    """A rehearsal whose effects are recorded in a directory."""

    secrets: tuple[str, ...] = ()

    def __init__(self, directory: Path, **options: Any) -> None:
        self.provider = PROVIDERS["rehearsal"]()
        self.directory = directory
        self.request = a_request(effects=str(directory), **options)

    async def snapshot(self) -> dict[tuple[str, str], str]:
        """The direction of the last effect on each step and chunk, where one stands."""
        last = {(effect.step, effect.chunk): effect.direction for effect in world.read(self.directory) if effect.changed}
        return {key: direction for key, direction in last.items() if direction == "apply"}

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        return (
            a_request(steps=0),
            a_request(steps="many"),
            a_request(unknown=1),
            a_request(failure_rate=2),
            a_request(effects="/etc"),
        )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHIMBREL_REHEARSAL_ROOT", str(tmp_path))
    return tmp_path


class TestRehearsalProvider(ChunkedProviderSuite):
    seeds = (1, 2, 3)

    @pytest.fixture
    def harness(self, root: Path) -> World:
        return World(root, duration_ms=1, shape="mixed", chunks=5, steps=12)


async def test_a_step_fails_as_often_as_told_then_succeeds() -> None:
    driver = await Driver.planned(_silent(fail_at="step_2", fail_times=2))
    step = driver.plan.steps[1]

    for attempt in (1, 2):
        with pytest.raises(ProviderError, match="rehearsed_failure"):
            await driver.harness.provider.apply(driver.work(step, "apply", attempt=attempt), no_progress)

    assert await driver.harness.provider.apply(driver.work(step, "apply", attempt=3), no_progress)


async def test_a_check_and_an_undo_fail_as_told() -> None:
    driver = await Driver.planned(_silent(shape="mixed", fail_at=3, fail_undo_at=1))
    act, check = driver.plan.steps[0], driver.plan.steps[2]

    with pytest.raises(NotYet):
        await driver.harness.provider.check(driver.work(check, "check"), no_progress)
    with pytest.raises(ProviderError, match="rehearsed_failure"):
        await driver.harness.provider.undo(driver.work(act, "undo"), no_progress)

    assert await driver.harness.provider.undo(driver.work(act, "undo", attempt=2), no_progress)


async def test_failures_drawn_from_a_seed_repeat_exactly() -> None:
    async def draws(seed: int) -> list[bool]:
        driver = await Driver.planned(_silent(failure_rate=0.3, seed=seed, steps=200))
        failed = []
        for step in driver.plan.steps:
            try:
                await driver.apply(step)
            except ProviderError:
                failed.append(True)
            else:
                failed.append(False)
        return failed

    first = await draws(7)

    assert await draws(7) == first
    assert await draws(8) != first
    assert 30 <= sum(first) <= 90


async def test_a_zombie_is_fenced_by_an_undo_that_had_nothing_to_undo_D3(root: Path) -> None:
    driver = await Driver.planned(World(root))
    step = driver.plan.steps[0]
    zombie = driver.work(step, "apply")
    await driver.undo(step)

    with pytest.raises(Fenced):
        await driver.harness.provider.apply(zombie, no_progress)

    assert [effect for effect in world.read(root) if effect.changed] == []


async def test_chunks_in_flight_together_do_not_fence_each_other_but_an_undo_fences_all_D3_I19(root: Path) -> None:
    driver = await Driver.planned(World(root, chunks=3))
    step = next(step for step in driver.plan.steps if step.chunks)
    first, second, zombie = (driver.work(step, "apply", chunk=str(chunk)) for chunk in range(3))
    apply = driver.harness.provider.apply

    await apply(second, no_progress)
    await apply(first, no_progress)
    await driver.undo(step)

    with pytest.raises(Fenced):
        await apply(zombie, no_progress)


async def test_the_world_tells_a_checker_every_effect_once(root: Path) -> None:
    driver = await Driver.planned(World(root, steps=3))
    for step in driver.plan.steps:
        await driver.apply(step)
        await driver.apply(step)

    changed = [effect for effect in world.read(root) if effect.changed]

    assert [(effect.work_id, effect.direction) for effect in changed] == [(f"acme/mig-1/{n}/-/apply/1", "apply") for n in (1, 2, 3)]


async def test_a_rehearsal_without_effects_costs_microseconds() -> None:
    driver = await Driver.planned(_silent())
    work = driver.work(driver.plan.steps[0], "apply")
    calls = 2_000

    begun = perf_counter()
    for _ in range(calls):
        await driver.harness.provider.apply(work, no_progress)

    assert (perf_counter() - begun) / calls < 0.000_1


async def test_the_last_act_can_be_the_point_of_no_return() -> None:
    provider = RehearsalProvider()
    request = a_request(steps=5, point_of_no_return=True)

    plan = provider.plan(request, await provider.inspect(request))

    assert [step.point_of_no_return for step in plan.steps] == [False, False, False, False, True]
    assert [step.phase for step in plan.steps] == ["preparing", "replicating", "testing", "cutting_over", "finalising"]


def _silent(**options: Any) -> World:
    silent = World(Path("/nonexistent"))
    silent.request = msgspec.structs.replace(silent.request, options=options)
    return silent
