"""Checks compare_tables and verify_equal: whether both sides hold the same.

Under write load two servers are never at one position, so compare_tables proves equality only for tables that rested while
they were read, and definitions; verify_equal is exact for every table, because nothing can be written then.
"""

from libs.contracts.values import Evidence
from libs.providers.base import NotYet, ProviderError
from libs.providers.postgres import catalog, guarding
from libs.providers.postgres.catalog import Table
from libs.providers.postgres.checksums import both_sums, table_sum
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move
from libs.providers.postgres.steps import copy_schema
from libs.providers.postgres.steps.following import drained

EQUAL, BUSY, DIFFERENT = "equal", "busy", "different"


async def compare_tables(move: Move) -> Evidence:
    """Holds when definitions are unchanged and every table that rested is equal. Tables in use are counted, not judged."""
    checksums = move.options.verify == "checksums"
    async with move.source() as source, move.target() as target:
        await _same_definitions(move, target)
        tables = catalog.replicated(await catalog.tables(source))
        results: dict[str, str] = {}
        rows = 0
        for done, table in enumerate(tables, 1):
            results[table.label], counted = await _compare(move, source, target, table, checksums)
            rows += counted
            await move.progress(done, len(tables), "tables")
    differing = sorted(label for label, result in results.items() if result == DIFFERENT)
    if differing:
        raise NotYet("tables_differ", f"{len(differing)} tables differ: {', '.join(differing[:5])}", category="verification")
    equal = sum(result == EQUAL for result in results.values())
    return {"tables": len(tables), "tables_equal": equal, "tables_busy": len(tables) - equal, "rows": rows, "schema_equal": True}


async def _compare(move: Move, source: Connection, target: Connection, table: Table, checksums: bool) -> tuple[str, int]:
    """Compare one table; where it differs, let the target catch up and look once more: did the source change meanwhile?"""
    ours, theirs = await both_sums(source, target, table, checksums=checksums)
    if ours == theirs:
        return EQUAL, ours.rows
    await drained(source, move.names.slot)
    theirs = await table_sum(target, table, checksums=checksums)
    if ours == theirs:
        return EQUAL, ours.rows
    again = await table_sum(source, table, checksums=checksums)
    return (DIFFERENT if again == ours else BUSY), again.rows


async def _same_definitions(move: Move, target: Connection) -> None:
    detail = await move.recall(target, copy_schema.NAME)
    if detail is None:
        raise ProviderError("schema_missing", "the definitions were not copied", category="verification", retryable=False)
    if copy_schema.digest(await copy_schema.source_schema(move)) != detail["digest"]:
        remedy = "roll back and start again, without changing definitions while the move lasts"
        raise ProviderError(
            "schema_changed",
            "definitions of the source changed since they were copied",
            category="verification",
            retryable=False,
            remedy=remedy,
        )


async def verify_equal(move: Move) -> Evidence:
    """Holds when every table has the same rows on both sides; the source must be fenced. Anything else is final."""
    checksums = move.options.verify == "checksums"
    async with move.source() as source, move.target() as target:
        if await guarding.holder(source) != (move.work.request.tenant, move.work.request.migration):
            raise ProviderError("source_not_fenced", "the source does not hold this migration's fence", category="cutover", retryable=False)
        for connection in (source, target):
            # Applications wait for this, so it may take what the servers have.
            await connection.execute("SET max_parallel_workers_per_gather = 8")
        tables = [table for table in await catalog.tables(source) if table.kind == "r"]
        differing: list[str] = []
        rows = 0
        for done, table in enumerate(tables, 1):
            ours, theirs = await both_sums(source, target, table, checksums=checksums)
            rows += ours.rows
            if ours != theirs:
                differing.append(f"{table.label} ({ours.rows} and {theirs.rows} rows)")
            await move.progress(done, len(tables), "tables")
    if differing:
        message = f"{len(differing)} tables differ: {', '.join(differing[:5])}"
        raise ProviderError("tables_differ", message, category="verification", retryable=False)
    return {"tables": len(tables), "rows": rows, "equal": True, "checksums": checksums}
