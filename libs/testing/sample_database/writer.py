"""An application that writes all the time, follows its database when that moves, and can prove what it was promised."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from libs.testing.sample_database.connection_record import TROUBLE, Place, find

WRITE = """
WITH fresh AS (
  INSERT INTO shop."order" (placed_on, customer, detail)
  SELECT date '2026-01-01' + ($2::bigint % 365)::int, $2::bigint, jsonb_build_object('write', $1::text)
  WHERE NOT EXISTS (SELECT FROM shop.write WHERE id = $1::text) RETURNING id, customer
), noted AS (INSERT INTO shop.write (id, "order") SELECT $1::text, id FROM fresh)
UPDATE shop.customer c SET orders = orders + 1 FROM fresh WHERE c.id = fresh.customer
"""
"""One write: an order placed, the customer's count raised. The id is its own, so a repeat finds it and changes nothing."""

SECONDS = 5.0
RETRY_SECONDS = 0.02
CUSTOMERS = 200
"""How many customers, from the first on, place orders."""


class Writer:
    """Writes until stopped. A write counts as acknowledged once the server committed it, and is repeated until then."""

    def __init__(self, name: str, home: str, record: str, *, rate: int = 250, lanes: int = 4, journal: Path | None = None) -> None:
        """`home` is the DSN that the application was installed with, `record` the name of the connection record, `rate` in writes per second."""
        self.acknowledged: list[str] = []
        self.longest_gap_ms = 0.0
        self.refused = 0
        self.place = Place(home, 0)
        self._name, self._home, self._record = name, home, record
        self._rate, self._lanes = rate, lanes
        self._journal = journal.open("a", encoding="utf-8") if journal else None
        self._stopping = asyncio.Event()
        self._last: float | None = None

    def stop(self) -> None:
        """Let every lane finish the write it is at, or give it up when the server does not take it; `run` then returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Write until stopped."""
        try:
            async with asyncio.TaskGroup() as group:
                for lane in range(self._lanes):
                    group.create_task(self._write_on(lane))
        finally:
            if self._journal:
                self._journal.close()

    async def _write_on(self, lane: int) -> None:
        connection: asyncpg.Connection[asyncpg.Record] | None = None
        number = 0
        due = time.monotonic()
        while not self._stopping.is_set():
            connection = await self._write(connection, lane, number)
            number += 1
            # A lane that was held up does not make up for it by a burst.
            due = max(due + self._lanes / self._rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        if connection is not None:
            with suppress(*TROUBLE):  # every write is acknowledged; a busy server need not say goodbye in time
                await connection.close(timeout=SECONDS)

    async def _write(
        self, connection: "asyncpg.Connection[asyncpg.Record] | None", lane: int, number: int
    ) -> "asyncpg.Connection[asyncpg.Record] | None":
        """Make one write, through as many connections as that takes, and return the one that works; None when stopped in trouble."""
        identity = f"{self._name}-{lane}-{number}"
        while True:
            if connection is None and self._stopping.is_set():
                return None
            try:
                if connection is None:
                    connection = await asyncpg.connect(self.place.dsn, timeout=SECONDS, command_timeout=SECONDS)
                await connection.execute(WRITE, identity, 1 + (number * self._lanes + lane) % CUSTOMERS)
            except TROUBLE:
                self.refused += 1
                connection = await self._look(connection)
            else:
                self._acknowledge(identity)
                return connection

    async def _look(self, connection: "asyncpg.Connection[asyncpg.Record] | None") -> "asyncpg.Connection[asyncpg.Record] | None":
        """After trouble: read the record, and come back without a connection, so that the next try makes one to where it says."""
        if connection is not None:
            connection.terminate()
        self.place = await find(self._record, self._home, self.place.dsn)
        await asyncio.sleep(RETRY_SECONDS)
        return None

    def _acknowledge(self, identity: str) -> None:
        now = time.monotonic()
        if self._last is not None:
            self.longest_gap_ms = max(self.longest_gap_ms, (now - self._last) * 1000)
        self._last = now
        self.acknowledged.append(identity)
        if self._journal:
            self._journal.write(identity + "\n")
            self._journal.flush()


async def lost(dsn: str, acknowledged: list[str]) -> list[str]:
    """The acknowledged writes that a database does not have: none, if nothing was lost."""
    connection = await asyncpg.connect(dsn)
    try:
        query = "SELECT a FROM unnest($1::text[]) a WHERE NOT EXISTS (SELECT FROM shop.write w WHERE w.id = a)"
        return [row[0] for row in await connection.fetch(query, acknowledged)]
    finally:
        await connection.close()


async def doubled(dsn: str) -> int:
    """How many writes took effect more than once: none, if every repeat was recognised."""
    connection = await asyncpg.connect(dsn)
    try:
        query = (
            """SELECT count(*) FROM (SELECT detail->>'write' FROM shop."order" WHERE detail ? 'write' GROUP BY 1 HAVING count(*) > 1) d"""
        )
        return int(await connection.fetchval(query))
    finally:
        await connection.close()
