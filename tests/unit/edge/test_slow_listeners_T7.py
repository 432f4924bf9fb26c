"""A stream that is read too slowly ends, and its last position leads to everything that it did not get (T7)."""

import asyncio
from types import SimpleNamespace

import pytest

from libs.edge import awaiting
from libs.edge.awaiting import Listener, Seen


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setattr(awaiting, "QUEUE", 3)
    return Listener("acme", {("migration", 0): 0})


def offer(listener: Listener, *offsets: int) -> None:
    for offset in offsets:
        listener.offer(Seen("migration", 0, offset, b"acme/m-1", SimpleNamespace(), SimpleNamespace()))


async def rest(listener: Listener) -> list[int]:
    found = []
    while (seen := await listener.next(1)) is not None:
        found.append(seen.offset)
    return found


async def test_what_did_not_fit_is_missing_at_the_end_only_T7(listener: Listener) -> None:
    offer(listener, 0, 1, 2, 3, 4)

    assert await rest(listener) == [0, 1, 2]


async def test_nothing_is_taken_again_once_there_is_room_after_a_gap_T7(listener: Listener) -> None:
    offer(listener, 0, 1, 2, 3)
    first = await listener.next(1)
    offer(listener, 4)

    assert first is not None
    assert [first.offset, *await rest(listener)] == [0, 1, 2]


async def test_a_position_is_not_carried_on_past_a_gap_T7(listener: Listener) -> None:
    offer(listener, 0, 1, 2)
    for _ in range(3):
        await listener.next(1)
    assert listener.caught_up

    offer(listener, 3, 4, 5, 6)
    for _ in range(3):
        await listener.next(1)

    assert not listener.caught_up


async def test_a_stream_that_waits_is_ended_at_once_T7(listener: Listener) -> None:
    waiting = asyncio.create_task(listener.next(5))
    await asyncio.sleep(0)
    listener.end()

    assert await waiting is None
