"""Counts and checksums of tables, computed by the servers.

A row's hash is the server's own 64-bit hash of the row as text; a table's checksum is the sum of them, which does not
depend on the order and counts repeated rows. Text is the same on both sides because the session settings are. The hash
depends on byte order: both servers must run on machines of the same one, as practically all do.
"""

from typing import NamedTuple

from libs.providers.postgres.catalog import Table
from libs.providers.postgres.connecting import Connection, together


class Sum(NamedTuple):
    """What one table amounts to."""

    rows: int
    checksum: str


async def table_sum(connection: Connection, table: Table, *, checksums: bool) -> Sum:
    """Count a table, and hash its rows when asked to."""
    hashed = 'coalesce(sum(hashtextextended((t.*)::text COLLATE "C", 0)::numeric), 0)' if checksums else "0"
    row = await connection.fetchrow(f"SELECT count(*) AS rows, {hashed}::text AS checksum FROM ONLY {table.sql} t")
    assert row is not None
    return Sum(row["rows"], row["checksum"])


async def both_sums(source: Connection, target: Connection, table: Table, *, checksums: bool) -> tuple[Sum, Sum]:
    """The sums of one table on both sides, computed at the same time."""
    return await together(table_sum(source, table, checksums=checksums), table_sum(target, table, checksums=checksums))
