"""A time limit that costs nothing for work that ends without ever waiting, as most does."""

import asyncio
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What the work comes to. Raises TimeoutError when it takes longer, and cancels it."""
    began = asyncio.get_running_loop().time()
    steps = work.__await__()
    try:
        awaited = next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    async with asyncio.timeout_at(began + seconds):
        return await _rest(steps, awaited)


@coroutine
def _rest(steps: Generator[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Everything after the first step, which waits for `awaited`: what `await` does with a coroutine that was not begun yet."""
    while True:
        try:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = steps.throw(error)
            else:
                awaited = steps.send(sent)
        except StopIteration as end:
            result: T = end.value
            return result
