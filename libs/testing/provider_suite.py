"""The contract of a provider, as tests that each provider's test class inherits.

A provider's test gives a harness: a world that can be moved, the request for it, and a way to look at it. Every test then
walks a real plan through that world. Effects must be idempotent, undone from any half-done point, and fenced.
"""

import asyncio
import copy
import hashlib
import re
from collections.abc import Coroutine
from typing import Any

import msgspec

from libs.contracts.migration.plan import ACT, Plan, Step
from libs.contracts.values import Evidence
from libs.providers.base import Assignment, ProviderError
from libs.testing.provider_driver import PATIENCE_SECONDS, Driver, Harness, no_progress, stopped_at

LATEST_PAUSE = 40
"""Number of the latest await at which an apply is stopped; most acts of a remote system have fewer."""
CODE = re.compile(r"[a-z][a-z0-9_]{2,60}")


class ProviderSuite:
    """Inherit this and give a fixture `harness`."""

    seeds: tuple[int, ...] = (1,)
    """One walk with other stopping points for each."""

    async def test_inspect_changes_nothing(self, harness: Harness) -> None:
        before = await harness.snapshot()

        await harness.provider.inspect(harness.request)

        assert await harness.snapshot() == before

    async def test_plan_is_pure_and_deterministic(self, harness: Harness) -> None:
        inspection = await harness.provider.inspect(harness.request)
        kept = copy.deepcopy(inspection)

        plan = harness.provider.plan(harness.request, inspection)

        assert plan == harness.provider.plan(harness.request, msgspec.json.decode(msgspec.json.encode(inspection), type=type(inspection)))
        assert inspection == kept
        assert len({step.name for step in plan.steps}) == len(plan.steps)
        assert all(isinstance(msgspec.json.decode(step.parameters or "{}"), dict) for step in plan.steps)
        assert all(step.compensation for step in self._acts(plan) if not step.point_of_no_return)

    async def test_the_whole_plan_can_be_carried_out_and_repeated(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)

        for step in driver.plan.steps:
            await driver.apply(step)
        last = driver.plan.steps[-1]
        after = await harness.snapshot()
        await driver.apply(last)

        assert await harness.snapshot() == after
        said = msgspec.json.encode([driver.plan, driver.evidence]).decode()
        assert [secret for secret in harness.secrets if secret in said] == []

    async def test_apply_and_undo_are_idempotent(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)
        before: dict[str, Any] = {}

        for step in driver.reversible():
            before[step.name] = await harness.snapshot()
            await driver.apply(step)
            once = await harness.snapshot()
            await driver.apply(step)
            assert await harness.snapshot() == once, step.name

        for step in reversed(driver.reversible()):
            await driver.undo(step)
            assert await harness.snapshot() == before[step.name], step.name
            await driver.undo(step)
            assert await harness.snapshot() == before[step.name], step.name

    async def test_undo_without_apply_changes_nothing(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)

        for step in driver.reversible():
            before = await harness.snapshot()
            await driver.undo(step)
            assert await harness.snapshot() == before, step.name
            await driver.apply(step)

        await driver.undo_all(driver.reversible())

    async def test_undo_after_half_an_apply_restores(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)
        for seed in self.seeds:
            await self._walk_half_applied(harness, driver, seed)

    async def _walk_half_applied(self, harness: Harness, driver: Driver, seed: int) -> None:
        start = await harness.snapshot()
        for step in driver.reversible():
            if step.kind == ACT:
                before = await harness.snapshot()
                await self._half_apply(driver, step, seed)
                await driver.undo(step)
                assert await harness.snapshot() == before, step.name
            await driver.apply(step)
        await driver.undo_all(driver.reversible())
        assert await harness.snapshot() == start

    async def _half_apply(self, driver: Driver, step: Step, seed: int) -> None:
        work = driver.work(step, "apply", chunk=driver.chunks(step)[0])
        _, task = await stopped_at(_coroutine(driver, work), _drawn(seed, step.name) % LATEST_PAUSE)
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=PATIENCE_SECONDS)
        assert done, f"{step.name} did not stop when cancelled"

    async def test_two_appliers_at_once_are_one(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)
        start = await harness.snapshot()

        for step in driver.reversible():
            if step.kind != ACT:
                await driver.apply(step)
                continue
            for chunk in driver.chunks(step):
                work = driver.work(step, "apply", chunk=chunk)
                outcomes = await asyncio.gather(_coroutine(driver, work), _coroutine(driver, work), return_exceptions=True)
                assert any(isinstance(outcome, dict) for outcome in outcomes), (step.name, outcomes)
                assert all(isinstance(outcome, dict) or _may_retry(outcome) for outcome in outcomes), (step.name, outcomes)

        await driver.undo_all(driver.reversible())
        assert await harness.snapshot() == start

    async def test_a_paused_applier_does_nothing_after_its_undo(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)
        for seed in self.seeds:
            await self._walk_paused(harness, driver, seed)

    async def _walk_paused(self, harness: Harness, driver: Driver, seed: int) -> None:
        for step in driver.reversible():
            if step.kind == ACT:
                before = await harness.snapshot()
                work = driver.work(step, "apply", chunk=driver.chunks(step)[0])
                paused, task = await stopped_at(_coroutine(driver, work), _drawn(seed, step.name) % LATEST_PAUSE)
                await driver.undo(step)
                paused.released.set()
                (outcome,) = await asyncio.gather(task, return_exceptions=True)
                assert isinstance(outcome, dict | ProviderError), (step.name, outcome)
                assert await harness.snapshot() == before, step.name
            await driver.apply(step)
        await driver.undo_all(driver.reversible())

    async def test_errors_are_clear(self, harness: Harness) -> None:
        for request in harness.broken_requests():
            try:
                problems = (await harness.provider.inspect(request)).problems
            except ProviderError as error:
                problems = (error.problem,)
            assert problems, request
            for problem in problems:
                assert CODE.fullmatch(problem.code)
                assert problem.message
                assert problem.remedy
                assert problem.field == "" or problem.field.startswith("/")
                assert "Traceback" not in problem.message
                assert [secret for secret in harness.secrets if secret in str(problem)] == []

    def _acts(self, plan: Plan) -> list[Step]:
        return [step for step in plan.steps if step.kind == ACT]


class ChunkedProviderSuite(ProviderSuite):
    """For providers whose plans have chunked steps."""

    async def test_chunks_resume_in_any_order(self, harness: Harness) -> None:
        driver = await Driver.planned(harness)
        chunked = [step for step in driver.reversible() if step.chunks]
        assert chunked
        for step in driver.reversible():
            if step in chunked:
                for chunk in sorted(driver.chunks(step), key=lambda name: _drawn(0, name))[: step.chunks // 2]:
                    await harness.provider.apply(driver.work(step, "apply", chunk=chunk), no_progress)
            await driver.apply(step)
        once = await harness.snapshot()

        for step in chunked:
            await driver.apply(step)

        assert await harness.snapshot() == once


def _drawn(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=4).digest(), "big")


def _coroutine(driver: Driver, work: Assignment) -> Coroutine[Any, Any, Evidence]:
    async def run() -> Evidence:
        return await driver.harness.provider.apply(work, no_progress)

    return run()


def _may_retry(outcome: object) -> bool:
    return isinstance(outcome, ProviderError) and outcome.retryable
