"""The contract of a provider, as tests that each provider's test class inherits.

A provider's test gives a harness: a world that can be moved, the request for it, and a way to look at it. Every test then
walks a real plan through that world. Effects must be idempotent, undone from any half-done point, and fenced.
"""

import asyncio
import copy
import hashlib
import re
from collections.abc import Coroutine, Generator
from typing import Any, Protocol

import msgspec

from libs.contracts.migration.plan import ACT, CHECK, Plan, Step
from libs.contracts.values import Evidence
from libs.providers.base import Assignment, MoveRequest, NotYet, Provider, ProviderError

FAR_FUTURE = 4_102_444_800_000_000
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
UNDO_ATTEMPTS = 5
LATEST_PAUSE = 40
"""Number of the latest await at which an apply is stopped; most acts of a remote system have fewer."""
CODE = re.compile(r"[a-z][a-z0-9_]{2,60}")


class Harness(Protocol):
    """One world for one test."""

    provider: Provider
    request: MoveRequest
    secrets: tuple[str, ...]
    """Strings that may show up in no plan, evidence or error."""

    async def snapshot(self) -> Any:
        """The state of the world, comparable; bookkeeping of the provider aside."""

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        """Requests that inspect must refuse, by problems or by ProviderError."""


async def no_progress(done: int, total: int, unit: str) -> None:
    """A progress report that nobody reads."""


class Driver:
    """Calls a provider's verbs as a worker would: rising fences, stable work ids, checks repeated until they hold."""

    def __init__(self, harness: Harness, plan: Plan) -> None:
        self.harness = harness
        self.plan = plan
        self.fence = 0
        self.rounds: dict[str, int] = {}
        self.evidence: dict[str, Evidence] = {}

    @classmethod
    async def planned(cls, harness: Harness) -> "Driver":
        """A driver for the plan of the harness's request."""
        inspection = await harness.provider.inspect(harness.request)
        assert inspection.problems == ()
        return cls(harness, harness.provider.plan(harness.request, inspection))

    def work(self, step: Step, direction: str, *, chunk: str = "-", attempt: int = 1) -> Assignment:
        """The next assignment for a step: a new dispatch, so a higher fence."""
        self.fence += 1
        request = self.harness.request
        number = [one.name for one in self.plan.steps].index(step.name) + 1
        work_id = f"{request.tenant}/{request.migration}/{number}/{chunk}/{direction}/{self.rounds.get(step.name, 1)}"
        return Assignment(work_id=work_id, fence=self.fence, attempt=attempt, chunk=chunk, step=step, request=request, deadline=FAR_FUTURE)

    def chunks(self, step: Step) -> list[str]:
        """Names of a step's chunks."""
        return [str(index) for index in range(step.chunks)] or ["-"]

    async def apply(self, step: Step) -> None:
        """Do a step: an act once per chunk, a check until it holds; waits pass at once."""
        if step.kind == ACT:
            for chunk in self.chunks(step):
                self.evidence[step.name] = await self.harness.provider.apply(self.work(step, "apply", chunk=chunk), no_progress)
        elif step.kind == CHECK:
            self.evidence[step.name] = await self.check(step)

    async def check(self, step: Step) -> Evidence:
        """Look until a check holds. Raises what it last said when patience ends."""
        waited = 0.0
        while True:
            try:
                return await self.harness.provider.check(self.work(step, "check"), no_progress)
            except NotYet:
                if waited > PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    async def undo(self, step: Step) -> None:
        """Undo an act, chunk by chunk in reverse, retrying as a worker would; anything else has nothing to undo."""
        if step.kind != ACT:
            return
        for chunk in reversed(self.chunks(step)):
            await self._undo(step, chunk)
        self.rounds[step.name] = self.rounds.get(step.name, 1) + 1

    async def _undo(self, step: Step, chunk: str) -> None:
        for attempt in range(1, UNDO_ATTEMPTS + 1):
            try:
                await self.harness.provider.undo(self.work(step, "undo", chunk=chunk, attempt=attempt), no_progress)
            except ProviderError as error:
                if not error.retryable or attempt == UNDO_ATTEMPTS:
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                return

    async def undo_all(self, steps: list[Step]) -> None:
        """Undo steps in reverse."""
        for step in reversed(steps):
            await self.undo(step)

    def reversible(self) -> list[Step]:
        """The steps before the point of no return."""
        steps: list[Step] = []
        for step in self.plan.steps:
            if step.point_of_no_return:
                break
            steps.append(step)
        return steps


class Paused:
    """An awaitable that stops before its n-th step until it is released, as a process does that is stopped and continued."""

    def __init__(self, inner: Coroutine[Any, Any, Evidence], after: int) -> None:
        self._inner = inner
        self._after = after
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    def __await__(self) -> Generator[Any, None, Evidence]:
        error: BaseException | None = None
        steps = 0
        while True:
            if steps == self._after:
                self.reached.set()
                try:
                    yield from self.released.wait().__await__()
                except asyncio.CancelledError as cancelled:
                    error = cancelled
            try:
                waits_for = self._inner.send(None) if error is None else self._inner.throw(error)
            except StopIteration as stop:
                evidence: Evidence = stop.value
                return evidence
            error = None
            try:
                yield waits_for
            except GeneratorExit:
                self._inner.close()
                raise
            except BaseException as thrown:
                error = thrown
            steps += 1

    async def run(self) -> Evidence:
        """The same as a coroutine, for a task."""
        return await self


async def stopped_at(inner: Coroutine[Any, Any, Evidence], step: int) -> tuple[Paused, asyncio.Task[Evidence]]:
    """Start a coroutine and come back when it stands before that step, or has ended earlier."""
    paused = Paused(inner, step)
    task = asyncio.create_task(paused.run())
    reached = asyncio.create_task(paused.reached.wait())
    await asyncio.wait((task, reached), return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    return paused, task


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
