"""Items that are carried out one after the other in one task are as far from each other as if each had its own."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from libs.contracts.stream import Stream
from libs.contracts.work import STOPPED, SUCCEEDED, ReportWork, Work
from libs.runtime.executor import Job, Progress
from libs.runtime.state_feed import Update
from libs.runtime.worker import BURST, Worker
from tests.unit.runtime.test_work_that_ends_badly import WORK, Executor, Sent

SLOW = "slow"


class Mixed(Executor):
    """Ends at once, or waits for a very long time; can be stubborn about being cancelled."""

    def __init__(self, *, stubborn: bool = False) -> None:
        super().__init__({})
        self._stubborn = stubborn
        self.running: set[str] = set()
        self.most = 0

    def wanted(self, state: Any) -> tuple[list[Work], list[Work]]:
        return ([], list(state.pending)) if state.mode == "stopping" else (list(state.pending), [])

    async def execute(self, job: Job, progress: Progress) -> ReportWork:
        self.runs += 1
        self.running.add(job.work.work_id)
        self.most = max(self.most, len(self.running))
        try:
            if job.work.chunk == SLOW:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            if not self._stubborn:
                raise
        finally:
            self.running.discard(job.work.work_id)
        return ReportWork(work_id=job.work.work_id, attempt=job.work.attempt, outcome=SUCCEEDED)

    def stopped(self, job: Job) -> ReportWork:
        return ReportWork(work_id=job.work.work_id, attempt=job.work.attempt, outcome=STOPPED)


def state(name: str, chunk: str = "-", mode: str = "running") -> Update:
    work = replace(WORK, work_id=f"acme/{name}/0/{chunk}/apply/1", chunk=chunk)
    held = SimpleNamespace(mode=mode, pending=(work,), stream=Stream(correlation_id="c"))
    return Update("t.migration.state", 0, f"acme/{name}".encode(), held, 0, b"")


def gone(name: str) -> Update:
    return Update("t.migration.state", 0, f"acme/{name}".encode(), None, 0, b"")


def worker_of(sent: Sent, executor: Mixed, limit: int) -> Worker:
    return Worker("migrator", "t", "dev", sent.codec, sent, executor, limit=limit)


def reports(sent: Sent) -> list[tuple[str, str]]:
    return sorted((report.work_id.split("/")[1], report.outcome) for report in sent.reports)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0)


async def test_what_waits_holds_up_nothing_behind_it() -> None:
    sent, executor = Sent(), Mixed()
    worker = worker_of(sent, executor, 5)
    worker.take([state("a"), state("b", SLOW), state("c"), state("d", SLOW), state("e")])
    await until(lambda: len(sent.reports) == 3)
    assert reports(sent) == [("a", SUCCEEDED), ("c", SUCCEEDED), ("e", SUCCEEDED)]
    assert len(executor.running) == 2
    worker.drop({("t.migration.state", 0)})


async def test_many_that_end_at_once_leave_turns_to_everything_else() -> None:
    executor, told = Mixed(), [0]
    worker_of(Sent(), executor, 2).take([state(f"m{number}") for number in range(10 * BURST)])
    while told[-1] < 10 * BURST:
        await asyncio.sleep(0)
        told.append(executor.runs)
    assert max(after - before for before, after in pairwise(told)) <= 2 * BURST


async def test_no_more_wait_at_once_than_there_are_places() -> None:
    sent, executor = Sent(), Mixed()
    worker = worker_of(sent, executor, 2)
    worker.take([state(name, SLOW) for name in "abcd"])
    await until(lambda: len(executor.running) == 2)
    worker.take([state("e")])
    worker.take([gone("a")])
    await until(lambda: len(executor.running) == 2 and any("/c/" in name for name in executor.running))
    assert executor.most == 2
    assert sent.reports == []
    worker.drop({("t.migration.state", 0)})
    await until(lambda: not executor.running)
    assert sent.reports == []


async def test_a_cancel_ends_the_item_it_was_meant_for_and_no_other() -> None:
    for stubborn in (False, True):
        sent, executor = Sent(), Mixed(stubborn=stubborn)
        worker = worker_of(sent, executor, 1)
        worker.take([state("a", SLOW), state("b"), state("c", SLOW), state("d")])
        await until(lambda: bool(executor.running))
        worker.take([state("a", SLOW, "stopping")])
        await until(lambda: len(sent.reports) == 2)
        assert reports(sent) == [("a", SUCCEEDED if stubborn else STOPPED), ("b", SUCCEEDED)]
        worker.take([gone("c")])
        await until(lambda: len(sent.reports) == 3)
        assert reports(sent)[-1] == ("d", SUCCEEDED)


async def test_what_was_reported_is_not_reported_again_when_it_has_to_stop() -> None:
    sent, executor = Sent(), Mixed()
    worker = worker_of(sent, executor, 1)
    worker.take([state("a"), state("b", SLOW)])
    await until(lambda: bool(executor.running))
    await until(lambda: len(sent.reports) == 1)
    worker.take([state("a", mode="stopping")])
    assert len(executor.running) == 1
    worker.take([gone("b"), state("c")])
    await until(lambda: len(sent.reports) == 2)
    assert reports(sent) == [("a", SUCCEEDED), ("c", SUCCEEDED)]


async def test_what_is_stopped_before_it_began_is_reported_and_never_begun() -> None:
    sent, executor = Sent(), Mixed()
    worker = worker_of(sent, executor, 1)
    worker.take([state("a"), state("b")])
    worker.take([state("a", mode="stopping"), gone("b")])
    await until(lambda: bool(sent.reports))
    worker.take([state("c")])
    await until(lambda: len(sent.reports) == 2)
    assert reports(sent) == [("a", STOPPED), ("c", SUCCEEDED)]
    assert executor.runs == 1
