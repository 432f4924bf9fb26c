"""Step warm_target: statistics for the target's planner, and rows for its materialised views, before anybody waits for them."""

import asyncpg

from libs.contracts.values import Evidence
from libs.providers.postgres import catalog
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move, recorded


async def apply(move: Move) -> Evidence:
    """Refresh the materialised views that are populated at the source, and analyse everything."""
    async with move.source() as source:
        populated = await catalog.materialised_views(source)
    async with move.fenced_target() as fenced:
        target = recorded(fenced)
        await _refresh(target, populated)
        tables = [table for table in await catalog.tables(target) if table.kind == "r"]
        for done, table in enumerate(tables, 1):
            await target.execute(f"ANALYZE {table.sql}")
            await move.progress(done, len(tables), "tables")
        return {"views": len(populated), "tables": len(tables)}


async def _refresh(target: Connection, views: list[str]) -> None:
    """Refresh views in any order that works: one that reads another, still empty one is tried again after it."""
    left = views
    while left:
        waiting: list[str] = []
        for view in left:
            try:
                await target.execute(f"REFRESH MATERIALIZED VIEW {view}")
            except asyncpg.ObjectNotInPrerequisiteStateError:
                waiting.append(view)
        if len(waiting) == len(left):
            await target.execute(f"REFRESH MATERIALIZED VIEW {waiting[0]}")
        left = waiting


async def undo(move: Move) -> Evidence:
    """Empty the materialised views again; statistics go with the tables."""
    async with move.fenced_target() as target:
        if target is None:
            return {"undone": False}
        views = await catalog.materialised_views(target)
        for view in views:
            await target.execute(f"REFRESH MATERIALIZED VIEW {view} WITH NO DATA")
        return {"undone": bool(views)}


async def applied(move: Move) -> bool:
    """Whether every materialised view that is populated at the source is so at the target."""
    async with move.source() as source, move.target() as target:
        return set(await catalog.materialised_views(source)) <= set(await catalog.materialised_views(target))
