"""Schema `whimbrel`: what a move writes down inside the two databases it touches.

`fence` holds the highest fence of each migration, `effect` what an act needs to remember for its undo, `guard` who keeps
the database read-only, `connection` what applications read. The schema never moves.
"""

from typing import Any

import msgspec

from libs.providers.postgres.connecting import Connection

CREATE = """
CREATE SCHEMA IF NOT EXISTS whimbrel;
CREATE TABLE IF NOT EXISTS whimbrel.fence (
  tenant text, migration text, fence bigint NOT NULL, PRIMARY KEY (tenant, migration));
CREATE TABLE IF NOT EXISTS whimbrel.effect (
  tenant text, migration text, step text, detail jsonb NOT NULL, PRIMARY KEY (tenant, migration, step));
CREATE TABLE IF NOT EXISTS whimbrel.guard (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), tenant text NOT NULL, migration text NOT NULL,
  fenced_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS whimbrel.connection (
  name text PRIMARY KEY, dsn text NOT NULL, epoch bigint NOT NULL, changed_at timestamptz NOT NULL DEFAULT now());
GRANT USAGE ON SCHEMA whimbrel TO PUBLIC;
GRANT SELECT ON whimbrel.connection TO PUBLIC;
"""

SCHEMA_LOCK = 7_733_046_220_193
"""Key of the advisory lock that serialises creating and dropping the schema, over all migrations."""


async def create(connection: Connection) -> None:
    """Make the schema if it is not there; call within a transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
    if not await exists(connection):
        await connection.execute(CREATE)


async def exists(connection: Connection) -> bool:
    """Whether the schema is there."""
    return bool(await connection.fetchval("SELECT to_regclass('whimbrel.fence') IS NOT NULL"))


async def forget(connection: Connection, tenant: str, migration: str) -> None:
    """Remove a migration, and the schema with the last one; call within a transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
    await connection.execute("DELETE FROM whimbrel.effect WHERE tenant = $1 AND migration = $2", tenant, migration)
    await connection.execute("DELETE FROM whimbrel.fence WHERE tenant = $1 AND migration = $2", tenant, migration)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM whimbrel.fence)"):
        await connection.execute("DROP SCHEMA whimbrel CASCADE")


async def remember(connection: Connection, tenant: str, migration: str, step: str, detail: dict[str, Any]) -> None:
    """Write down what the undo of a step needs; what was written first stays."""
    await connection.execute(
        "INSERT INTO whimbrel.effect VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING",
        tenant, migration, step, msgspec.json.encode(detail).decode(),
    )  # fmt: skip


async def recall(connection: Connection, tenant: str, migration: str, step: str) -> dict[str, Any] | None:
    """What was written down for a step, or None."""
    if not await exists(connection):
        return None
    found = await connection.fetchval(
        "SELECT detail::text FROM whimbrel.effect WHERE tenant = $1 AND migration = $2 AND step = $3", tenant, migration, step
    )
    detail: dict[str, Any] | None = None if found is None else msgspec.json.decode(found)
    return detail


async def erase(connection: Connection, tenant: str, migration: str, step: str) -> None:
    """Remove what was written down for a step."""
    await connection.execute("DELETE FROM whimbrel.effect WHERE tenant = $1 AND migration = $2 AND step = $3", tenant, migration, step)
