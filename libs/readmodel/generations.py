"""Generations of read models: each a PostgreSQL schema of its own, one of them live for a topic prefix (table whimbrel.generation).

The files of `sql/` are applied in the order of their numbers, each once a generation. What a file cannot do to rows that
are there, a rebuild does.
"""

from pathlib import Path

from libs.runtime.errors import WhimbrelError
from libs.runtime.sink import Connection

SQL = Path(__file__).with_name("sql")
_CONTROL = "000_control.sql"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('whimbrel migrations'))"


class NoReadModel(WhimbrelError):
    """No generation of read models is live for this prefix yet: start a projector."""


def name_of(prefix: str, number: int) -> str:
    """Schema of the `number`-th generation of a prefix. Prefixes hold no underscore, so two never meet."""
    return f"{prefix.replace('-', '_')}_rm_{number}"


def number_of(schema: str) -> int:
    """Number of a generation, given its schema."""
    return int(schema.rpartition("_")[2])


async def prepare(connection: Connection, prefix: str) -> str:
    """Bring the live generation of a prefix up to date, creating the first one; returns its schema. Safe for several at once."""
    async with connection.transaction():
        await connection.execute(_ONE_AT_A_TIME)
        await connection.execute((SQL / _CONTROL).read_text(encoding="utf-8"))
        live = await connection.fetchval("SELECT live FROM whimbrel.generation WHERE prefix = $1", prefix)
        schema = live or name_of(prefix, 1)
        await migrate(connection, schema)
        if live is None:
            await connection.execute("INSERT INTO whimbrel.generation (prefix, live) VALUES ($1, $2)", prefix, schema)
    return schema


async def migrate(connection: Connection, schema: str) -> None:
    """Apply to a generation the files it lacks, inside a transaction."""
    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    await use(connection, schema)
    await connection.execute("CREATE TABLE IF NOT EXISTS applied (file text PRIMARY KEY)")
    applied = {row[0] for row in await connection.fetch("SELECT file FROM applied")}
    for file in sorted(SQL.glob("*.sql")):
        if file.name not in applied and file.name != _CONTROL:
            await connection.execute(file.read_text(encoding="utf-8"))
            await connection.execute("INSERT INTO applied VALUES ($1)", file.name)


async def use(connection: Connection, schema: str) -> None:
    """Let unqualified names mean this generation until the transaction ends."""
    await connection.execute("SELECT set_config('search_path', quote_ident($1), true)", schema)


async def live(connection: Connection, prefix: str) -> str:
    """Schema of the live generation, which cannot change before the transaction ends, made the one that names mean."""
    sql = "SELECT live, set_config('search_path', quote_ident(live), true) FROM whimbrel.generation WHERE prefix = $1 FOR SHARE"
    found: str | None = await connection.fetchval(sql, prefix)
    if found is None:
        raise NoReadModel(f"no read models for the topic prefix {prefix}: start a projector")
    return found


async def drop(connection: Connection, schema: str) -> None:
    """Remove a generation that is not live, with its positions."""
    await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    await connection.execute("DELETE FROM whimbrel.reader_position WHERE reader = $1", schema)
