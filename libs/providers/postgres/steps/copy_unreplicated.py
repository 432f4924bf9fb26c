"""Step copy_unreplicated: unlogged tables and large objects, which are in no log; copied whole while the source is fenced."""

import asyncio
from collections.abc import AsyncIterator

from libs.contracts.values import Evidence
from libs.providers.base import ProviderError
from libs.providers.postgres import catalog, guarding
from libs.providers.postgres.catalog import Table
from libs.providers.postgres.connecting import Connection, together
from libs.providers.postgres.move import Move, recorded

PIECE_BYTES = 1_048_576
QUEUE_PIECES = 16


async def apply(move: Move) -> Evidence:
    """Replace both kinds at the target by what the source holds, in one transaction."""
    async with move.source() as source, move.fenced_target() as fenced:
        target = recorded(fenced)
        if await guarding.holder(source) != (move.work.request.tenant, move.work.request.migration):
            raise ProviderError("source_not_fenced", "the source does not hold this migration's fence", category="cutover", retryable=False)
        async with target.transaction():
            tables = await _clear(target)
            for done, table in enumerate(tables, 1):
                await copy_table(source, target, table)
                await move.progress(done, len(tables), "tables")
            return {"tables": len(tables), "large_objects": await _copy_large_objects(move, source, target)}


async def undo(move: Move) -> Evidence:
    """Empty both kinds at the target."""
    async with move.fenced_target() as target:
        if target is None:
            return {"undone": False}
        async with target.transaction():
            return {"undone": bool(await _clear(target))}


async def applied(move: Move) -> bool:
    """Unknown from outside: copying again is harmless, so claim nothing."""
    return False


async def _clear(target: Connection) -> list[Table]:
    tables = catalog.unlogged(await catalog.tables(target))
    await guarding.truncate(target, tables)
    await target.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    return tables


async def copy_table(source: Connection, target: Connection, table: Table) -> None:
    """Stream the rows of one table from server to server, a bounded number of pieces at a time."""
    columns = [
        row[0]
        for row in await source.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            table.sql,
        )
    ]
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_PIECES)

    async def read() -> None:
        await source.copy_from_table(table.name, schema_name=table.schema, columns=columns, output=pieces.put)
        await pieces.put(None)

    async def taken() -> AsyncIterator[bytes]:
        while (piece := await pieces.get()) is not None:
            yield piece

    await together(read(), target.copy_to_table(table.name, schema_name=table.schema, columns=columns, source=taken()))


async def _copy_large_objects(move: Move, source: Connection, target: Connection) -> int:
    objects = await source.fetch("SELECT oid, pg_get_userbyid(lomowner) AS owner FROM pg_largeobject_metadata ORDER BY oid")
    for done, row in enumerate(objects, 1):
        await target.execute("SELECT lo_create($1)", row["oid"])
        offset = 0
        while piece := await source.fetchval("SELECT lo_get($1, $2, $3)", row["oid"], offset, PIECE_BYTES):
            await target.execute("SELECT lo_put($1, $2, $3)", row["oid"], offset, piece)
            offset += len(piece)
        if move.options.roles == "require":
            await target.execute(
                f"ALTER LARGE OBJECT {row['oid']} OWNER TO {await target.fetchval('SELECT quote_ident($1)', row['owner'])}"
            )
        await move.progress(done, len(objects), "large objects")
    return len(objects)
