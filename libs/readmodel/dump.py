"""The rows of a generation as bytes in a fixed order, and what differs between two generations.

Left out are `applied`, which is about files, and `progress`, whose topic does not keep what it once held.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from libs.readmodel import generations
from libs.runtime.sink import Connection

LEFT_OUT = ("applied", "progress")
_TABLES = """SELECT c.relname AS name,
    (SELECT array_agg(a.attname ORDER BY k.n) FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary) AS key,
    (SELECT array_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attcollation <> 0 AND a.attnum > 0) AS texts
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY c.relname"""


class Table(NamedTuple):
    """A table of a generation; `key` is its primary key, `order` the same as an ORDER BY that no locale changes."""

    name: str
    key: list[str]
    order: str


class Digest(NamedTuple):
    """How many rows a table has, and the SHA-256 of all of them in order."""

    rows: int
    sha256: str


class Difference(NamedTuple):
    """One row that two generations do not agree on; None where one has no such row."""

    table: str
    key: tuple[Any, ...]
    live: str | None
    rebuilt: str | None


async def tables_of(connection: Connection, schema: str) -> list[Table]:
    """Tables of a generation that the log alone determines."""
    found = []
    for row in await connection.fetch(_TABLES, schema):
        if row["name"] not in LEFT_OUT:
            texts = set(row["texts"] or ())
            order = ", ".join(f'"{column}" COLLATE "C"' if column in texts else f'"{column}"' for column in row["key"])
            found.append(Table(row["name"], row["key"], order))
    return found


async def dump(connection: Connection, schema: str) -> dict[str, Digest]:
    """Digest of every table of a generation, in one consistent view."""
    found: dict[str, Digest] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await generations.use(connection, schema)
        for table in await tables_of(connection, schema):
            found[table.name] = await _digest(connection, table)
    return found


async def _digest(connection: Connection, table: Table) -> Digest:
    sha256, rows = hashlib.sha256(), 0

    async def add(data: bytes) -> None:
        nonlocal rows
        sha256.update(data)
        rows += data.count(b"\n")

    query = f"SELECT * FROM {table.name} ORDER BY {table.order}"  # noqa: S608 - names come from the catalogue
    await connection.copy_from_query(query, output=add)
    return Digest(rows, sha256.hexdigest())


async def differences(live: Connection, rebuilt: Connection) -> AsyncIterator[Difference]:
    """Rows that two generations do not agree on. Each connection is in a transaction whose names mean its generation."""
    for table in await tables_of(live, await live.fetchval("SELECT current_schema()")):
        ours, theirs = _rows(live, table), _rows(rebuilt, table)
        mine, other = await anext(ours, None), await anext(theirs, None)
        while mine is not None or other is not None:
            if other is None or (mine is not None and mine[0] < other[0]):
                assert mine is not None
                yield Difference(table.name, mine[0], mine[1], None)
                mine = await anext(ours, None)
            elif mine is None or other[0] < mine[0]:
                yield Difference(table.name, other[0], None, other[1])
                other = await anext(theirs, None)
            else:
                if mine[1] != other[1]:
                    yield Difference(table.name, mine[0], mine[1], other[1])
                mine, other = await anext(ours, None), await anext(theirs, None)


async def _rows(connection: Connection, table: Table) -> AsyncIterator[tuple[tuple[Any, ...], str]]:
    query = f"SELECT to_json(t)::text AS document, t.* FROM {table.name} t ORDER BY {table.order}"  # noqa: S608
    async for row in connection.cursor(query, prefetch=1_000):
        yield tuple(row[column] for column in table.key), row["document"]
