"""Building the sample database, on the server, in seconds."""

from pathlib import Path

import asyncpg

SCRIPTS = ("tables.sql", "rows.sql", "keys.sql")
SECONDS = 300.0


async def build(dsn: str, rows: int = 1_150_000) -> int:
    """Make the sample database in an empty one and return how many rows it has: about 1.05 for each one asked for, and 1,000."""
    connection = await asyncpg.connect(dsn, command_timeout=SECONDS)
    try:
        await connection.execute("SELECT set_config('sample.rows', $1, false)", str(rows))
        for script in SCRIPTS:
            await connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
        return await count(connection)
    finally:
        await connection.close()


async def count(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Number of rows in all tables of the shop."""
    query = """
        SELECT (SELECT count(*) FROM shop.customer) + (SELECT count(*) FROM shop.product) + (SELECT count(*) FROM shop."order")
             + (SELECT count(*) FROM shop.order_line) + (SELECT count(*) FROM shop.write)
    """
    return int(await connection.fetchval(query))
