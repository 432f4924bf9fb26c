"""Driving a provider as a worker would, and stopping it at any of its awaits."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Protocol

from libs.contracts.migration.plan import ACT, CHECK, Plan, Step
from libs.contracts.values import Evidence
from libs.providers.base import Assignment, MoveRequest, NotYet, Provider, ProviderError

FAR_FUTURE = 4_102_444_800_000_000
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
UNDO_ATTEMPTS = 5


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
