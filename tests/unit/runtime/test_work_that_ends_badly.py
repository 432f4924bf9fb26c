"""Work that ends with a defect is reported in the end, and so is what cannot be written."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer

from libs.contracts.stream import Stream
from libs.contracts.topics import COMMAND_MAX_BYTES
from libs.contracts.work import FAILED, STOPPED, SUCCEEDED, ReportWork, Work
from libs.providers.carrying_out import Carrier
from libs.providers.executing import MigrationExecutor
from libs.runtime import worker as worker_module
from libs.runtime.codec import Codec
from libs.runtime.executor import Job, Progress
from libs.runtime.registry import Registry
from libs.runtime.state_feed import Update
from libs.runtime.worker import Worker

WORK = Work(
    work_id="acme/m/0/-/apply/1", worker="migrator", step=0, chunk="-", direction="apply", round=1, fence=1, attempt=1, not_before=0,
    deadline=0,
)  # fmt: skip


class Executor(MigrationExecutor):
    """Ends in the way it is told to."""

    def __init__(self, evidence: Any) -> None:
        super().__init__("migrator", Carrier({}))
        self._evidence = evidence
        self.runs = 0
        self.began = asyncio.Event()

    def wanted(self, state: Any) -> tuple[list[Work], list[Work]]:
        return ([], [WORK]) if state.mode == "stopping" else ([WORK], [])

    async def execute(self, job: Job, progress: Progress) -> ReportWork:
        self.runs += 1
        self.began.set()
        if self._evidence is None:
            raise OSError("a defect")
        if self._evidence == "cleanup":
            try:
                await asyncio.sleep(60)
            finally:
                raise OSError("cleanup failed")
        return ReportWork(work_id=WORK.work_id, attempt=1, outcome=SUCCEEDED, evidence=self._evidence)

    def stopped(self, job: Job) -> ReportWork:
        return ReportWork(work_id=WORK.work_id, attempt=1, outcome=STOPPED)


class Ids(Registry):
    def id_for(self, topic: str, schema: Any) -> int:
        return 1


class Sent(Producer):
    def __init__(self) -> None:
        super().__init__({})
        self.reports: list[ReportWork] = []
        self.arrived = asyncio.Event()
        self.codec = Codec(Ids("http://nowhere"), "t", "test")

    def produce(self, topic: str, value: bytes, key: bytes, headers: Any, **_: Any) -> None:  # type: ignore[override]
        self.reports.append(self.codec.decode(topic, key, value, headers).body)
        self.arrived.set()


def state(mode: str) -> Update:
    held = SimpleNamespace(mode=mode, pending=(WORK,), stream=Stream(correlation_id="c"))
    return Update("t.migration.state", 0, b"acme/m", held, 0, b"")


async def reported(evidence: Any, *, stop: bool = False) -> tuple[list[ReportWork], int]:
    sent, executor = Sent(), Executor(evidence)
    worker = Worker("migrator", "t", "dev", sent.codec, sent, executor, limit=5)
    worker.take([state("running")])
    if stop:
        await executor.began.wait()
        worker.take([state("stopping")])
    async with asyncio.timeout(10):
        await sent.arrived.wait()
    return sent.reports, executor.runs


async def test_a_defect_is_tried_again_and_then_reported_D7(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "AGAIN_S", 0.001)
    reports, runs = await reported(None)
    assert runs == worker_module.DEFECTS
    assert [(report.outcome, report.retryable) for report in reports] == [(FAILED, False)]
    assert reports[0].problem is not None
    assert "a defect" in reports[0].problem.message


async def test_stopped_work_whose_cleanup_fails_is_reported_D5() -> None:
    reports, _ = await reported("cleanup", stop=True)
    assert [report.outcome for report in reports] == [STOPPED]


@pytest.mark.parametrize("evidence", [{"rows": 2**64}, {"text": "x" * COMMAND_MAX_BYTES}, {"odd": object()}])
async def test_a_report_that_cannot_be_written_becomes_one_that_says_so_D7(evidence: Any) -> None:
    reports, _ = await reported(evidence)
    assert [report.outcome for report in reports] == [FAILED]
    assert reports[0].problem is not None
    assert "cannot be written" in reports[0].problem.message
