"""What a worker sends goes to the client at once when it is alone, and together when more is to come."""

import asyncio
import math
import signal
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from libs.runtime import outbox as outbox_module
from libs.runtime import worker as worker_module
from libs.runtime.codec import Record
from libs.runtime.outbox import MOST, Outbox
from tests.unit.runtime.test_items_share_tasks import SLOW, Mixed, state, until, worker_of
from tests.unit.runtime.test_work_that_ends_badly import Sent

TOPIC = "t.migration.commands"


class Client(Producer):
    """Takes records as long as it has room."""

    def __init__(self, room: int = 1_000) -> None:
        super().__init__({})
        self.room = room
        self.taken: list[bytes] = []
        self.fails = False
        self.report: Callable[..., None] = lambda *_: None

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Any, **_: Any) -> None:  # type: ignore[override]
        if self.fails:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        if len(self.taken) >= self.room:
            raise BufferError("the queue is full")
        self.taken.append(value)
        self.report = on_delivery


def put(outbox: Outbox, *values: int, more: bool = True) -> None:
    for value in values:
        outbox.put(TOPIC, Record(b"k", b"%d" % value, []), more=more)


def numbers(client: Client) -> list[int]:
    return [int(value) for value in client.taken]


async def test_one_alone_is_handed_over_at_once() -> None:
    client = Client()
    put(Outbox(client), 1, more=False)
    assert numbers(client) == [1]


async def test_those_before_the_last_wait_for_it() -> None:
    client = Client()
    outbox = Outbox(client)
    put(outbox, 1, 2)
    assert numbers(client) == []
    put(outbox, 3, more=False)
    assert numbers(client) == [1, 2, 3]


async def test_no_more_wait_than_a_request_may_have() -> None:
    client = Client()
    put(Outbox(client), *range(MOST + 1))
    assert numbers(client) == list(range(MOST))


async def test_what_waits_for_more_that_does_not_come_is_handed_over_soon() -> None:
    client = Client()
    put(Outbox(client), 1, 2)
    await until(lambda: len(client.taken) == 2)
    assert numbers(client) == [1, 2]


async def test_what_the_client_has_no_room_for_is_handed_over_later_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "AGAIN_S", 0.001)
    client = Client(room=2)
    outbox = Outbox(client)
    put(outbox, 1, 2, 3)
    outbox.hand_over()
    put(outbox, 4, more=False)
    assert numbers(client) == [1, 2]
    client.room = 10
    await until(lambda: len(client.taken) == 4)
    assert numbers(client) == [1, 2, 3, 4]


@pytest.mark.parametrize("when", ["taken", "delivered"])
async def test_a_client_that_failed_for_good_ends_the_process_D10(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    signals: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", signals.append)
    client = Client()
    client.fails = when == "taken"
    put(Outbox(client), 1, more=False)
    if when == "delivered":
        client.report(None, None)
        assert signals == []
        client.report(KafkaError(KafkaError._MSG_TIMED_OUT), None)
    assert signals == [signal.SIGTERM]


async def test_reports_of_items_that_are_ready_together_leave_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "LINGER_S", 60.0)
    sent, counts = Sent(), {0}
    worker = worker_of(sent, Mixed(), limit=3)
    worker.take([state("a"), state("b"), state("c", SLOW), state("d")])
    async with asyncio.timeout(10):
        while len(sent.reports) < 3:
            await asyncio.sleep(0)
            counts.add(len(sent.reports))
    assert counts == {0, 3}


async def test_a_worker_that_stops_sends_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "LINGER_S", 60.0)
    monkeypatch.setattr(worker_module, "DRAIN_S", 0.01)
    monkeypatch.setattr(worker_module, "HUNG_S", math.inf)  # a service's process has to end once its worker has; this one goes on
    sent, executor = Sent(), Mixed()
    worker = worker_of(sent, executor, limit=1)
    worker.take([state("a"), state("b", SLOW)])
    await until(lambda: len(executor.running) == 1)
    assert sent.reports == []
    worker.stop()
    async with asyncio.timeout(10):
        await worker.run()
    assert [report.work_id.split("/")[1] for report in sent.reports] == ["a"]
