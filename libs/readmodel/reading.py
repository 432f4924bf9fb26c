"""Consistent questions to the live read models: one snapshot, its position, and, when asked, a moment in the past.

A snapshot is one REPEATABLE READ transaction whose first statement finds the live generation and how far it was read, so
rows and position belong together and a switch of generations is never seen halfway.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import msgspec

from libs.readmodel.cursor import Cursors
from libs.readmodel.errors import Behind, InvalidQuery, NotKnownYet
from libs.readmodel.facts import KINDS
from libs.readmodel.generations import NoReadModel
from libs.readmodel.position import Position
from libs.runtime.sink import Connection, Pool

MARGIN_US = 15_000_000
"""How long before an end of a partition was seen an event may have been recorded that was not committed yet: the
validator's transaction timeout of 12 s, and 3 s for clocks that differ."""
POLL_S = 0.01
_BEGIN = """SELECT g.live, set_config('search_path', quote_ident(g.live), true),
    (SELECT json_agg(json_build_array(split_part(p.topic, '.', 2), p.partition, p.next_offset, p.caught_up_at))
     FROM whimbrel.reader_position p WHERE p.reader = g.live AND p.topic LIKE '%.events') AS places
FROM whimbrel.generation g WHERE g.prefix = $1"""
_SAFE = """SELECT (SELECT e.recorded_at - 1 FROM event e WHERE e.kind = k.kind AND e.partition = k.partition ORDER BY e.pos DESC LIMIT 1)
FROM unnest($1::smallint[], $2::int[]) WITH ORDINALITY AS k (kind, partition, n) ORDER BY n"""
_POSITION_AT = "SELECT position_at(k.kind, k.partition, $3) FROM unnest($1::smallint[], $2::int[]) WITH ORDINALITY AS k (kind, partition, n) ORDER BY n"


class Place(NamedTuple):
    """How far one partition was read, and the moment before which everything committed to it had been read."""

    aggregate: str
    partition: int
    offset: int
    caught_up_at: int


class Snapshot:
    """One consistent view. `position` is how far it was read; `at` is the past position to answer as of, or None for now."""

    def __init__(self, connection: Connection, places: list[Place], cursors: Cursors) -> None:
        self.connection, self.cursors = connection, cursors
        self._places = places
        self.position = Position({(place.aggregate, place.partition): place.offset for place in places})
        self.at: Position | None = None

    @property
    def answered(self) -> Position:
        """The position that answers belong to; ask with it again for the same answers."""
        return self.position if self.at is None else self.at

    def bounds(self, aggregate: str) -> tuple[list[int], list[int]]:
        """Partitions and offsets to answer as of. Raises InvalidQuery when `at` does not name every partition."""
        at, known = (self.at or Position()).of(aggregate), self.position.of(aggregate)
        if at.keys() != known.keys():
            missing = ", ".join(f"{aggregate}:{place[1]}" for place in sorted(known.keys() - at.keys()))
            raise InvalidQuery("at", f"the position must name every partition for this question; missing: {missing}. Or give a time")
        return [place[1] for place in at], list(at.values())

    async def move_to(self, at: Position | int) -> None:
        """Answer as of a position, or a time in microseconds since the epoch. Raises NotKnownYet and InvalidQuery."""
        if isinstance(at, int):
            self.at = await self._position_of(at)
            return
        unknown = at.keys() - self.position.keys()
        if unknown:
            raise InvalidQuery("at", f"there is no partition {min(unknown)[0]}:{min(unknown)[1]}")
        if not self.position.reaches(at):
            raise NotKnownYet(f"read only up to {self.position}", await self.safe_time(), str(self.position))
        self.at = at

    async def safe_time(self) -> int:
        """The latest moment of which everything is known: no event recorded then or earlier can still come."""
        last = [row[0] for row in await self.connection.fetch(_SAFE, *self._columns())]
        return min((max(found or 0, place.caught_up_at - MARGIN_US) for found, place in zip(last, self._places, strict=True)), default=0)

    async def _position_of(self, moment: int) -> Position:
        safe = await self.safe_time()
        if moment > safe:
            raise NotKnownYet(f"everything is known only up to {safe} (microseconds since the epoch)", safe, str(self.position))
        found = [row[0] for row in await self.connection.fetch(_POSITION_AT, *self._columns(), moment)]
        return Position({(place.aggregate, place.partition): offset for place, offset in zip(self._places, found, strict=True)})

    def _columns(self) -> tuple[list[int], list[int]]:
        return [KINDS[place.aggregate] for place in self._places], [place.partition for place in self._places]


class ReadModel:
    """The live read models of a topic prefix. `secret` signs cursors; the pool may be shared."""

    def __init__(self, pool: Pool, prefix: str, secret: bytes) -> None:
        self._pool, self._prefix, self._cursors = pool, prefix, Cursors(secret)

    @asynccontextmanager
    async def snapshot(self, at: Position | int | None = None) -> AsyncIterator[Snapshot]:
        """A view to ask questions of, as of now or of `at`. Raises NoReadModel, NotKnownYet, InvalidQuery."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = Snapshot(connection, await self._places(connection), self._cursors)
            if at is not None:
                await snapshot.move_to(at)
            yield snapshot

    async def position(self) -> Position:
        """How far the live read models were read."""
        async with self._pool.acquire() as connection, connection.transaction():
            return Snapshot(connection, await self._places(connection), self._cursors).position

    async def wait_for(self, position: Position, timeout: float) -> Position:
        """Return the position reached once it is not before `position`. Raises Behind after `timeout` seconds."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            reached = await self.position()
            if reached.reaches(position):
                return reached
            if asyncio.get_running_loop().time() >= deadline:
                raise Behind(f"the read models did not reach {position} within {timeout} s", str(reached))
            await asyncio.sleep(POLL_S)

    async def _places(self, connection: Connection) -> list[Place]:
        try:
            row: Any = await connection.fetchrow(_BEGIN, self._prefix)
        except asyncpg.UndefinedTableError:
            row = None
        if row is None:
            raise NoReadModel(f"no read models for the topic prefix {self._prefix}: start a projector")
        return [Place(*place) for place in msgspec.json.decode(row["places"] or "[]")]
