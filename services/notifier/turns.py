"""Whose turn it is to be sent: in order within a lane, at most so many at once to one host and in all.

A lane is one migration and one endpoint. A message that was not accepted yet holds those after it, but no longer than
`hold_s` from when it was first seen here: then an endpoint that refuses one message gets the others all the same.
"""

import asyncio
from bisect import bisect_left, insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

HOLD_S = 600.0
OUTSTANDING = 100_000
"""Deliveries that may wait for their turn at once; how many are sent at once is the hosts' limit."""


class Ticket(NamedTuple):
    """A message's place: its lane, its version there, and its delivery."""

    lane: tuple[str, str, str]
    version: int
    delivery: str


class Lanes:
    """Messages that are not accepted yet, by lane and in order of version. Belongs to one event loop."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_s = hold_s
        self._seen: dict[Ticket, float] = {}
        self._lanes: dict[tuple[str, str, str], list[Ticket]] = {}
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._seen)

    def join(self, ticket: Ticket) -> None:
        """Hold what comes after this message; nothing happens when it does already."""
        self._expire()
        if ticket not in self._seen:
            self._seen[ticket] = asyncio.get_running_loop().time() + self._hold_s
            insort(self._lanes.setdefault(ticket.lane, []), ticket)

    def leave(self, ticket: Ticket) -> None:
        """The message was accepted or given up: the next one may go."""
        if self._seen.pop(ticket, None) is None:
            return
        lane = self._lanes[ticket.lane]
        del lane[bisect_left(lane, ticket)]
        if not lane:
            del self._lanes[ticket.lane]
        elif lane[0] in self._waiting:
            self._waiting[lane[0]].set_result(None)

    async def first(self, ticket: Ticket) -> None:
        """Return when no earlier message holds this one. Raises CancelledError once closed."""
        while not self._closed and (held_until := self._held_until(ticket)):
            waiting = self._waiting[ticket] = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait({waiting}, timeout=held_until - asyncio.get_running_loop().time())
            finally:
                self._waiting.pop(ticket, None)
            self._expire()
        if self._closed:
            raise asyncio.CancelledError

    def close(self) -> None:
        """Nobody gets a turn any more."""
        self._closed = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    def _held_until(self, ticket: Ticket) -> float:
        lane = self._lanes.get(ticket.lane, [])
        return self._seen[lane[0]] if lane and lane[0].version < ticket.version else 0.0

    def _expire(self) -> None:
        """Whoever was seen first expires first, so looking at the oldest is enough."""
        now = asyncio.get_running_loop().time()
        while self._seen and (oldest := next(iter(self._seen))) and self._seen[oldest] <= now:
            self.leave(oldest)


class Hosts:
    """At most `per_host` at once for a tenant and host and `in_all` at once; who waits for a slow host takes no place from others."""

    def __init__(self, per_host: int, in_all: int) -> None:
        self._per_host, self._in_all = per_host, asyncio.Semaphore(in_all)
        self._hosts: dict[tuple[str, str], tuple[asyncio.Semaphore, set[object]]] = {}

    @asynccontextmanager
    async def place(self, tenant: str, host: str) -> AsyncIterator[None]:
        """A place for one request."""
        limit, users = self._hosts.setdefault((tenant, host), (asyncio.Semaphore(self._per_host), set()))
        user = object()
        users.add(user)
        try:
            async with limit, self._in_all:
                yield
        finally:
            users.discard(user)
            if not users:
                self._hosts.pop((tenant, host), None)
