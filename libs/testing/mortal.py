"""A coroutine that can die: at an await it stops for ever, without any cleaning up, as a killed process does."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_graves: list[Coroutine[Any, Any, Any]] = []
"""What died stays here as it is: to collect it would run its `finally`, which no killed process does."""


class Mortal(Generic[T]):
    """`dies` is asked before each step with how many awaits there were, and once more before the result is known."""

    def __init__(self, inner: Coroutine[Any, Any, T], dies: Callable[[int], bool]) -> None:
        self._inner, self._dies, self.awaits = inner, dies, 0

    def __await__(self) -> Generator[Any, None, T]:
        error: BaseException | None = None
        while True:
            if self._dies(self.awaits):
                yield from self._death()
            try:
                waits_for = self._inner.send(None) if error is None else self._inner.throw(error)
            except StopIteration as stop:
                if self._dies(self.awaits + 1):
                    yield from self._death()
                result: T = stop.value
                return result
            error = None
            self.awaits += 1
            try:
                yield waits_for
            except GeneratorExit:
                self._inner.close()
                raise
            except BaseException as thrown:
                error = thrown

    def _death(self) -> Generator[Any, None, None]:
        if self.awaits:
            _graves.append(self._inner)
        else:
            self._inner.close()
        yield from asyncio.get_running_loop().create_future().__await__()
