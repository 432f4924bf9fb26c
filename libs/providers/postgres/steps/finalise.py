"""Step finalise: end all replication. There is no way back from here.

The source stays fenced and keeps the connection record, so that an application that still has the old address can neither
write there nor get lost. The fences stay in both servers, so that a zombie can never do anything again.
"""

from libs.contracts.values import Evidence
from libs.providers.base import ProviderError
from libs.providers.postgres import replication
from libs.providers.postgres.move import Move, recorded
from libs.providers.postgres.steps import create_publication, create_subscription, reverse_replication, switch_connection


async def apply(move: Move) -> Evidence:
    """Drop subscriptions, slots and publications on both sides, whichever are left. Refused before the switch."""
    async with move.fenced_source() as fenced_source, move.fenced_target() as fenced_target:
        source, target = recorded(fenced_source), recorded(fenced_target)
        if await move.recall(source, switch_connection.NAME) is None:
            raise ProviderError("not_switched", "applications were not switched to the target", category="cutover", retryable=False)
        await reverse_replication.remove(move, source, target)
        await replication.drop_subscription(target, move.names.subscription)
        detail = await move.recall(target, create_subscription.NAME)
        if detail is not None:
            await replication.drop_slots(source, detail["sync_slots"])
        slots = await replication.drop_slots(source, f"^{move.names.slot}$")
        async with source.transaction():
            await create_publication.withdraw(move, source, create_publication.NAME, move.names.publication)
        return {"slots_dropped": slots, "finalised": True}


async def undo(move: Move) -> Evidence:
    """Refused: what this step drops cannot be brought back."""
    raise ProviderError("point_of_no_return", "finalise cannot be undone", category="rollback", retryable=False)


async def applied(move: Move) -> bool:
    """Whether replication has ended on both sides."""
    async with move.source() as source, move.target() as target:
        left = await target.fetchval("SELECT count(*) FROM pg_subscription WHERE subname = $1", move.names.subscription)
        return not left and not await source.fetchval("SELECT count(*) FROM pg_publication WHERE pubname = $1", move.names.publication)
