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
    """Gets every event of a tenant from a position on."""

    def __init__(self, tenant: str, start: dict[tuple[str, int], int]) -> None:
        self.prefix, self.start = f"{tenant}/".encode(), start
        self.queue: asyncio.Queue[Seen | None] = asyncio.Queue(QUEUE)

    def offer(self, seen: Seen) -> None:
        """Queue an event; a listener too slow is ended with None and has to resume by position."""
        if seen.offset < self.start.get((seen.aggregate, seen.partition), 0):
            return
        if self.queue.full():
            self.queue.get_nowait()
            self.queue.put_nowait(None)
        else:
            self.queue.put_nowait(seen)
