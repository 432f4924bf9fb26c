"""Step create_publication: publish every logged table of the source, giving key-less ones an identity where asked to."""

from typing import Any

from libs.contracts.values import Evidence
from libs.providers.base import ProviderError
from libs.providers.postgres import catalog, replication
from libs.providers.postgres.catalog import Table
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move, recorded

NAME = "create_publication"


async def apply(move: Move) -> Evidence:
    """Publish the tables, or find them published."""
    async with move.fenced_source() as fenced:
        source = recorded(fenced)
        async with source.transaction():
            tables = await publish(move, source, NAME, move.names.publication)
        return {"publication": move.names.publication, "tables": tables}


async def undo(move: Move) -> Evidence:
    """Drop the publication and give tables their identity back."""
    async with move.fenced_source() as source:
        if source is None:
            return {"undone": False}
        async with source.transaction():
            return {"undone": await withdraw(move, source, NAME, move.names.publication)}


async def applied(move: Move) -> bool:
    """Whether the publication is there."""
    async with move.source() as source:
        return bool(await source.fetchval("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", move.names.publication))


async def publish(move: Move, connection: Connection, step: str, name: str) -> int:
    """Publish the replicated tables of a server under a name, and return how many; call within a transaction."""
    tables = catalog.replicated(await catalog.tables(connection))
    before = [{"sql": table.sql, "identity": await _identity(connection, table)} for table in tables if table.identity == "none"]
    await move.remember(connection, step, {"identities": before})
    for table in tables:
        if table.identity == "none":
            if move.options.without_key == "refuse":
                raise ProviderError(
                    "table_without_key", f"table {table.label} has no usable key", category="source_preparation", retryable=False
                )
            # Published without an identity, a table would refuse its own application's updates.
            await connection.execute(f"ALTER TABLE ONLY {table.sql} REPLICA IDENTITY FULL")
    await replication.create_publication(connection, name, tables)
    return len(tables)


async def withdraw(move: Move, connection: Connection, step: str, name: str) -> bool:
    """Drop a publication and restore identities, from any half-done point; call within a transaction."""
    detail: dict[str, Any] = await move.recall(connection, step) or {"identities": []}
    dropped = await replication.drop_publication(connection, name)
    for table in detail["identities"]:
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table["sql"]):
            await connection.execute(f"ALTER TABLE ONLY {table['sql']} REPLICA IDENTITY {table['identity']}")
    await move.erase(connection, step)
    return dropped


async def _identity(connection: Connection, table: Table) -> str:
    kind = await connection.fetchval("SELECT relreplident::text FROM pg_class WHERE oid = to_regclass($1)", table.sql)
    if kind == "i":
        index = await connection.fetchval(
            "SELECT quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1) AND i.indisreplident",
            table.sql,
        )
        return f"USING INDEX {index}" if index else "DEFAULT"
    return "NOTHING" if kind == "n" else "DEFAULT"
