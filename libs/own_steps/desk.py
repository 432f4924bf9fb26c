"""Where work arrives: each attempt is carried out once at a time, and what a newer fence has overtaken is ended first."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from libs.contracts.values import Evidence
from libs.contracts.work import FAILED, STOPPED, SUCCEEDED
from libs.own_steps.steps import NotYet, StepError
from libs.own_steps.store import Store
from libs.own_steps.work import Progress, Work, unheard
from libs.providers.external.message import WorkData, micros_of

Report = dict[str, Any]
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
MAX_MESSAGE = 1_000


class CarriesOut(Protocol):
    """What a desk needs of steps."""

    async def carry_out(self, work: Work) -> Evidence:
        """Do, undo or look."""


class _Running(NamedTuple):
    data: WorkData
    task: asyncio.Task[Report | None]


class Desk:
    """`now` gives microseconds since the epoch; `take` may be called as often as a message comes."""

    def __init__(self, steps: CarriesOut, store: Store, now: Callable[[], int]) -> None:
        self._steps, self._store, self._now = steps, store, now
        self._running: dict[tuple[str, int], _Running] = {}

    async def take(self, data: WorkData, progress: Progress = unheard) -> Report | None:
        """Carry out an attempt; the report to send, or None past its deadline. Never raises for what a step does."""
        key = (data.work_id, data.attempt)
        if key not in self._running:
            seen = self._store.admit(data)
            if seen:
                return _failed(data, StepError("fenced", f"fence {data.fence} is older than {seen}, which was seen here", retryable=False))
            self._running[key] = _Running(data, asyncio.create_task(self._carry_out(data, progress)))
            self._running[key].task.add_done_callback(lambda _: self._running.pop(key, None))
        task = self._running[key].task
        await asyncio.wait({task})
        if task.cancelled():  # something newer has overtaken it
            return {"attempt": data.attempt, "ticket": data.ticket, "outcome": STOPPED}
        return task.result()

    def close(self) -> None:
        """End what is running; it reports nothing, and is taken up again from the store."""
        for one in self._running.values():
            one.task.cancel()

    async def _carry_out(self, data: WorkData, progress: Progress) -> Report | None:
        await self._end_older(data)
        try:
            async with asyncio.timeout(max(0.0, self._left(data))):
                evidence = await self._until_it_holds(Work(data, progress))
        except TimeoutError:
            return None  # past its deadline Whimbrel gives the attempt up by itself
        except StepError as error:
            return _failed(data, error)
        except Exception as error:  # a defect of one step must not end the others
            return _failed(data, StepError("unexpected", f"{type(error).__name__}: {error}"))
        return {"attempt": data.attempt, "ticket": data.ticket, "outcome": SUCCEEDED, "evidence": evidence}

    async def _end_older(self, data: WorkData) -> None:
        older = [one.task for one in self._running.values() if _overtakes(data, one.data)]
        for task in older:
            task.cancel()
        if older:
            await asyncio.wait(older)

    async def _until_it_holds(self, work: Work) -> Evidence:
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await self._steps.carry_out(work)
            except NotYet:
                if self._left(work.data) <= pause:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)

    def _left(self, data: WorkData) -> float:
        return (micros_of(data.deadline) - self._now()) / 1_000_000


def _overtakes(new: WorkData, old: WorkData) -> bool:
    """Whether work must end for newer work of its migration. Chunks of one step run together."""
    beside = (new.step, new.direction) == (old.step, old.direction) and new.chunk != old.chunk
    return (new.tenant, new.migration) == (old.tenant, old.migration) and new.fence > old.fence and not beside


def _failed(data: WorkData, error: StepError) -> Report:
    problem = {"code": error.code, "message": error.message[:MAX_MESSAGE] or error.code, "remedy": error.remedy[:MAX_MESSAGE]}
    return {"attempt": data.attempt, "ticket": data.ticket, "outcome": FAILED, "problem": problem, "retryable": error.retryable}
