"""What happens when, in virtual time: nothing waits, the clock leaps to whatever comes next."""

import heapq
from collections.abc import Callable
from typing import Any


class Agenda:
    """Things that will happen, first the earliest, and of one moment first the one that was put down first."""

    def __init__(self, now: int) -> None:
        self.now = now
        """Virtual time, in microseconds since the epoch."""
        self.count = 0
        """How many things were ever put down."""
        self._queue: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []

    def later(self, delay: int, action: Callable[..., object], *args: Any) -> None:
        """Let something happen after a delay in microseconds."""
        self.count += 1
        heapq.heappush(self._queue, (self.now + delay, self.count, action, args))

    @property
    def next_at(self) -> int:
        """When the next thing happens, in microseconds since the epoch; 0 when nothing will."""
        return self._queue[0][0] if self._queue else 0

    def step(self) -> bool:
        """Let the next thing happen; False when there is none."""
        if not self._queue:
            return False
        self.now, _, action, args = heapq.heappop(self._queue)
        action(*args)
        return True
