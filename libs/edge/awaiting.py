"""Who waits for events of the log: one for the decision of a command, another for everything of a tenant."""

import asyncio
from typing import Any, NamedTuple

QUEUE = 10_000
"""Events a listener may be behind before it is cut off and has to resume."""


class Seen(NamedTuple):
    """One event of the log, and the position right after it."""

    aggregate: str
    partition: int
    offset: int
    key: bytes
    envelope: Any
    body: Any


class Waiter:
    """Waits for the events that answer one command with one payload."""

    def __init__(self, command_id: str, key: bytes, digest: bytes) -> None:
        self.command_id, self.key, self.digest = command_id, key, digest
        self.decision: asyncio.Future[list[Seen]] = asyncio.get_running_loop().create_future()

    def offer(self, events: list[Seen]) -> None:
        """Take the events of one drain; those that answer this command are its decision."""
        mine = [seen for seen in events if answers(seen.envelope, self.command_id, self.digest) and seen.key == self.key]
        if mine and not self.decision.done():
            self.decision.set_result(mine)


def answers(envelope: Any, command_id: str, digest: bytes) -> bool:
    """Whether an event answers this command with this payload, rather than another payload under the same key."""
    return bool(envelope.causation_id == command_id and envelope.command_digest in (b"", digest))


class Listener:
    """Gets every event of a tenant from a position on, until it is cut off. What it was given has no gap."""

    def __init__(self, tenant: str, start: dict[tuple[str, int], int]) -> None:
        self.prefix, self.start = f"{tenant}/".encode(), start
        self._queue: asyncio.Queue[Seen | None] = asyncio.Queue(QUEUE)
        self._cut = False

    @property
    def caught_up(self) -> bool:
        """Whether everything that was offered has been taken."""
        return self._queue.empty() and not self._cut

    def offer(self, seen: Seen) -> None:
        """Queue an event. A listener too slow is cut off here and gets what is queued, so its last position leads to the rest."""
        if self._cut or seen.offset < self.start.get((seen.aggregate, seen.partition), 0):
            return
        if self._queue.full():
            self._cut = True
        else:
            self._queue.put_nowait(seen)

    def end(self) -> None:
        """Cut it off now."""
        self._cut = True
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def next(self, timeout_s: float) -> Seen | None:
        """The next event; None when it was cut off and has everything that was queued. Raises TimeoutError."""
        if self._cut and self._queue.empty():
            return None
        return await asyncio.wait_for(self._queue.get(), timeout_s)
