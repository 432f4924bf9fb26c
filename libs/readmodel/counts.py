"""How many migrations are in each status: counted as events are folded, never by scanning.

A row of `status_count` belongs to one partition, so its owner alone changes it. Before the first change within a block of
BLOCK offsets the number is put aside in `status_count_before`; any earlier moment is that number plus the changes since.
"""

from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from libs.runtime.sink import Connection

BLOCK = 1_024
"""Offsets in a block. Rows hold block numbers: never change it without a rebuild."""
Key = tuple[str, str, int]
_LOAD = """SELECT c.tenant, c.status, c.partition, c.count, c.block FROM status_count c
JOIN unnest($1::text[], $2::int[]) AS k (tenant, partition) USING (tenant, partition)"""
_SAVE = """INSERT INTO status_count (tenant, status, partition, count, block)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[])
ON CONFLICT (tenant, status, partition) DO UPDATE SET count = excluded.count, block = excluded.block"""


class Count(msgspec.Struct):
    """Number of migrations, and the last block in which it changed; -1 for never."""

    migrations: int
    block: int


class Counts:
    """The counts of the tenants and partitions met, kept between batches."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop everything; it is loaded again when it is needed."""
        self._counts: dict[Key, Count] = {}
        self._known: set[tuple[str, int]] = set()
        self._changed: set[Key] = set()
        self._before: list[tuple[str, str, int, int, int]] = []

    def unknown(self, places: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """Which of these tenants and partitions are to be loaded before anything is added in them."""
        return places - self._known

    async def load(self, connection: Connection, places: set[tuple[str, int]]) -> None:
        """Load the counts of tenants and partitions that are unknown."""
        if places:
            for row in await connection.fetch(_LOAD, [place[0] for place in places], [place[1] for place in places]):
                self._counts[row[0], row[1], row[2]] = Count(row[3], row[4])
            self._known |= places

    def add(self, tenant: str, status: str, partition: int, pos: int, change: int) -> None:
        """One more or one less in a status from the event at `pos` on."""
        key, block = (tenant, status, partition), pos // BLOCK
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = Count(0, -1)
        if count.block < block:
            self._before.append((*key, block, count.migrations))
            count.block = block
        count.migrations += change
        self._changed.add(key)

    def taken(self) -> "Counted":
        """What changed since the last call."""
        counted = Counted(self._before, [(*key, *astuple(self._counts[key])) for key in self._changed])
        self._before, self._changed = [], set()
        return counted


class Counted(NamedTuple):
    """Rows of the two tables that a batch changes."""

    before: list[tuple[str, str, int, int, int]]
    now: list[tuple[str, str, int, int, int]]

    async def save(self, connection: Connection) -> None:
        """Write them."""
        if self.before:
            columns = ["tenant", "status", "partition", "block", "count"]
            await connection.copy_records_to_table("status_count_before", records=self.before, columns=columns)
        if self.now:
            await connection.execute(_SAVE, *map(list, zip(*self.now, strict=True)))
