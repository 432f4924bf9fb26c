"""An event loop whose clock leaps: whoever sleeps an hour has slept it at once. For code that waits for timers and for itself only."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 5.0
"""Seconds of real time that a thread may take while nothing else goes on; then it counts as a deadlock."""


class _LeapingSelector(selectors.BaseSelector):
    """Instead of waiting for the next timer it moves the clock there."""

    def __init__(self) -> None:
        self.now = 0.0
        self._inner = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0 if timeout is not None else PATIENCE_S)
        if timeout is None and not ready:
            raise RuntimeError("everything waits and no timer is set: in virtual time nothing may wait for the network")
        if not ready and timeout is not None:
            self.now += max(0.0, timeout)
        return ready

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0 seconds."""

    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._leaping.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
