"""The tail of the log rests while nobody waits or listens, and misses nothing for those who come (O1, T7, R13)."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import KafkaException

from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.edge.awaiting import Listener
from libs.edge.tail import Tail
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.kafka_proxy import KafkaProxy
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World

_REQUEST = RequestMigration(request=Request(provider="rehearsal", application="a", source="{}", target="{}", options="{}"))


def _tail(world: World, bootstrap: str) -> Tail:
    return Tail(bootstrap, world.prefix, Codec(Registry(world.stack.registry), world.prefix, f"test-{os.getpid()}"), rest_s=0.1)


async def _until_it_rests(tail: Tail) -> None:
    await asyncio.to_thread(wait_until, lambda: not tail.reading, "the tail rests")


@pytest.fixture
async def tail(world: World) -> AsyncIterator[Tail]:
    found = _tail(world, world.stack.kafka)
    await found.start(pytest.fail)
    yield found
    found.close()


async def test_it_reads_while_somebody_listens_and_gives_everything_from_then_on_T7(world: World, tail: Tail) -> None:
    assert not tail.reading

    for number in range(3):
        await asyncio.to_thread(world.send, "migration", "resting", f"before-{number}", _REQUEST)
        listener = await tail.listen("resting")
        await asyncio.to_thread(world.send, "migration", "resting", f"after-{number}", _REQUEST)
        seen = []
        while not seen or seen[-1] != f"after-{number}":
            event = await listener.next(30)
            assert event is not None
            seen.append(event.envelope.aggregate)
        tail.unlisten(listener)
        await _until_it_rests(tail)


async def test_whoever_waits_for_a_decision_wakes_it_first_O1(world: World, tail: Tail) -> None:
    listener = await tail.listen("woken")
    tail.unlisten(listener)
    await _until_it_rests(tail)

    first, second = await asyncio.gather(*(tail.wait_for(f"c-{number}", b"woken/m", b"") for number in range(2)))

    assert tail.reading
    tail.forget(first)
    await asyncio.sleep(0)
    assert tail.reading
    tail.forget(second)
    await _until_it_rests(tail)


async def test_without_a_broker_those_who_ask_are_told_and_the_next_are_served_R13(world: World, proxy: KafkaProxy) -> None:
    tail = _tail(world, proxy.bootstrap)
    await tail.start(pytest.fail)
    proxy.cut()

    with pytest.raises(KafkaException):
        await asyncio.wait_for(tail.listen("cut"), 20)
    unanswered = await asyncio.wait_for(tail.wait_for("c", b"cut/m", b""), 20)
    assert not tail.reading
    assert not unanswered.decision.done()
    proxy.mend()
    tail.unlisten(await _listening_at_last(tail))
    tail.close()


async def _listening_at_last(tail: Tail) -> Listener:
    while True:
        try:
            return await tail.listen("cut")
        except KafkaException:
            await asyncio.sleep(0)


async def test_a_caller_who_goes_away_while_it_wakes_leaves_the_others_alone_R13(tail: Tail) -> None:
    gone, stays = asyncio.create_task(tail.listen("gone")), asyncio.create_task(tail.listen("stays"))
    await asyncio.sleep(0)
    gone.cancel()

    assert (await asyncio.wait_for(stays, 20)).prefix == b"stays/"
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_whoever_asks_while_the_service_ends_is_told_at_once_R14(tail: Tail) -> None:
    asleep = asyncio.create_task(tail.listen("asleep"))
    await asyncio.sleep(0)
    tail.close()

    with pytest.raises(KafkaException):
        await asyncio.wait_for(asleep, 20)
    with pytest.raises(KafkaException):
        await tail.listen("late")
    assert not (await tail.wait_for("c", b"late/m", b"")).decision.done()
