"""Who asked to be woken is woken by the clock, however long the machine slept meanwhile (D8)."""

import asyncio
from types import SimpleNamespace

import pytest

from libs.contracts.capacity import WakeCapacity
from libs.contracts.stream import Stream
from libs.providers.carrying_out import Carrier
from libs.providers.executing import MigrationExecutor
from libs.runtime import worker as worker_module
from libs.runtime.state_feed import Update
from libs.runtime.worker import Worker
from tests.unit.runtime.test_work_that_ends_badly import Sent

HOUR_US = 3_600_000_000
WAKE_AT = 100 * HOUR_US


async def test_a_wake_is_not_late_by_what_the_machine_slept_D8(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [WAKE_AT - HOUR_US]
    monkeypatch.setattr(worker_module, "now_us", lambda: clock[0])
    monkeypatch.setattr(worker_module, "LONGEST_NAP_S", 0.001)
    sent = Sent()
    worker = Worker("verifier", "t", "dev", sent.codec, sent, MigrationExecutor("verifier", Carrier({})), limit=5)
    held = SimpleNamespace(stream=Stream(correlation_id="c"))

    worker.take([Update("t.capacity.state", 0, b"acme/calendar/prod", held, WAKE_AT, b"")])
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert sent.reports == []

    clock[0] = WAKE_AT + HOUR_US
    async with asyncio.timeout(10):
        await sent.arrived.wait()
    worker.drop({("t.capacity.state", 0)})
    assert sent.reports == [WakeCapacity(wake_at=WAKE_AT)]
