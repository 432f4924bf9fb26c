"""The time limit of an attempt is that of asyncio, also where the first step of the work was done before the clock was set."""

import asyncio

import pytest

from libs.providers.time_limit import within


async def ended(value: int) -> int:
    return value


async def failed(pause: float | None) -> int:
    if pause is not None:
        await asyncio.sleep(pause)
    raise OSError("a defect")


async def slept(seconds: float) -> int:
    for _ in range(3):
        await asyncio.sleep(seconds)
    return 7


async def stubborn(cancelled: list[str]) -> int:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        cancelled.append("cancelled")
        await asyncio.sleep(0.001)  # cleaning up waits as well
        return 8
    return 9


async def test_what_ends_in_time_is_handed_on() -> None:
    assert await within(60, ended(7)) == 7
    assert await within(60, slept(0)) == 7
    assert await within(60, slept(0.001)) == 7


@pytest.mark.parametrize("pause", [None, 0, 0.001])
async def test_what_fails_in_time_is_handed_on(pause: float | None) -> None:
    with pytest.raises(OSError, match="a defect"):
        await within(60, failed(pause))


async def test_what_takes_longer_is_cancelled_and_said_to_take_longer() -> None:
    cancelled: list[str] = []
    with pytest.raises(TimeoutError):
        await within(0.01, slept(60))
    assert await within(0.01, stubborn(cancelled)) == 8
    assert cancelled == ["cancelled"]


async def test_a_first_step_that_took_too_long_is_late_at_its_first_wait() -> None:
    loop = asyncio.get_running_loop()

    async def late() -> None:
        began = loop.time()
        while loop.time() - began < 0.02:
            pass
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10):
            await within(0.01, late())
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_who_is_cancelled_from_outside_is_cancelled_and_not_late() -> None:
    cancelled: list[str] = []
    task = asyncio.create_task(within(60, stubborn(cancelled)))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == 8
    assert cancelled == ["cancelled"]
