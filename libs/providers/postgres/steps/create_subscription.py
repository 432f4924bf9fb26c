"""Step create_subscription: let the target copy every row and then follow the log."""

from libs.contracts.values import Evidence
from libs.providers.postgres import catalog, guarding, replication
from libs.providers.postgres.move import Move, recorded

NAME = "create_subscription"


async def apply(move: Move) -> Evidence:
    """Subscribe, or find it subscribed. What its copies will be called at the source is written down for the undo."""
    name = move.names.subscription
    conninfo = replication.conninfo(move.source_endpoint, move.options.subscription, name)
    async with move.fenced_target() as fenced:
        target = recorded(fenced)
        async with target.transaction():
            await replication.create_subscription(target, name, conninfo, move.names.publication, move.names.slot, copy=True)
            await move.remember(target, NAME, {"sync_slots": await replication.sync_slot_pattern(target, name)})
        return {"subscription": name}


async def undo(move: Move) -> Evidence:
    """Drop the subscription, at the source the slots of copies that were running, and at the target what they copied."""
    async with move.fenced_target() as target:
        if target is None:
            return {"undone": False}
        detail = await move.recall(target, NAME)
        dropped = await replication.drop_subscription(target, move.names.subscription)
        if detail is not None:
            async with move.fenced_source() as source:
                if source is not None:
                    await replication.drop_slots(source, detail["sync_slots"])
            async with target.transaction():
                await guarding.truncate(target, await catalog.tables(target))
                await move.erase(target, NAME)
        return {"undone": dropped or detail is not None}


async def applied(move: Move) -> bool:
    """Whether the subscription is there."""
    async with move.target() as target:
        return await replication.subscription_oid(target, move.names.subscription) is not None
