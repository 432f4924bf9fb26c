"""Step fence_source: stop every write to the source. The pause of the applications begins here."""

from libs.contracts.values import Evidence
from libs.providers.postgres import guarding
from libs.providers.postgres.move import Move, recorded


async def apply(move: Move) -> Evidence:
    """Make the source read-only; transactions in flight get the grace of the options."""
    request = move.work.request
    async with move.fenced_source() as fenced, move.source() as helper:
        ended = await guarding.fence(recorded(fenced), helper, request.tenant, request.migration, move.options.grace_ms)
        fenced_at = await helper.fetchval("SELECT extract(epoch FROM fenced_at) * 1000000 FROM whimbrel.guard")
        return {"sessions_ended": ended, "fenced_at": int(fenced_at)}


async def undo(move: Move) -> Evidence:
    """Let the source be written again."""
    async with move.fenced_source() as source:
        if source is None:
            return {"undone": False}
        return {"undone": await guarding.unfence(source, move.work.request.tenant, move.work.request.migration)}


async def applied(move: Move) -> bool:
    """Whether this migration keeps the source read-only."""
    async with move.source() as source:
        return await guarding.holder(source) == (move.work.request.tenant, move.work.request.migration)
