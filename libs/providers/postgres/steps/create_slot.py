"""Step create_slot: keep the source's log from here on for the target."""

from libs.contracts.values import Evidence
from libs.providers.postgres import replication
from libs.providers.postgres.move import Move, recorded


async def apply(move: Move) -> Evidence:
    """Make the slot, or find it. It waits for the transactions that are open at that moment."""
    async with move.fenced_source() as fenced:
        return {"slot": move.names.slot, "lsn": await replication.create_slot(recorded(fenced), move.names.slot)}


async def undo(move: Move) -> Evidence:
    """Drop the slot."""
    async with move.fenced_source() as source:
        if source is None:
            return {"undone": False}
        return {"undone": bool(await replication.drop_slots(source, f"^{move.names.slot}$"))}


async def applied(move: Move) -> bool:
    """Whether the slot is there."""
    async with move.source() as source:
        return bool(await source.fetchval("SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)", move.names.slot))
