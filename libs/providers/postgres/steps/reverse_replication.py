"""Step reverse_replication: from the switch on, let the source follow the target, so that going back keeps new writes.

The target stops following first, so nothing can go round in a circle.
"""

from libs.contracts.values import Evidence
from libs.providers.postgres import replication
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move, recorded
from libs.providers.postgres.names import identifier
from libs.providers.postgres.steps.create_publication import publish, withdraw

NAME = "reverse_replication"


async def apply(move: Move) -> Evidence:
    """Disable the subscription of the target, then make publication and slot there and a subscription at the source."""
    names = move.names
    conninfo = replication.conninfo(move.target_endpoint, move.options.reverse_subscription, names.back_subscription)
    async with move.fenced_source() as fenced_source, move.fenced_target() as fenced_target:
        source, target = recorded(fenced_source), recorded(fenced_target)
        async with target.transaction():
            await target.execute(f"ALTER SUBSCRIPTION {identifier(names.subscription)} DISABLE")
            tables = await publish(move, target, NAME, names.back_publication)
        await replication.create_slot(target, names.back_slot)
        async with source.transaction():
            await replication.create_subscription(
                source, names.back_subscription, conninfo, names.back_publication, names.back_slot, copy=False
            )
        return {"subscription": names.back_subscription, "tables": tables}


async def undo(move: Move) -> Evidence:
    """Drop what replicates back, and let the target follow again."""
    async with move.fenced_source() as source, move.fenced_target() as target:
        if source is None or target is None:
            return {"undone": False}
        undone = await remove(move, source, target)
        if await replication.subscription_oid(target, move.names.subscription):
            await _resume(target, move.names.subscription)
        return {"undone": undone}


async def remove(move: Move, source: Connection, target: Connection) -> bool:
    """Drop subscription, slot and publication of the way back, from any half-done point."""
    dropped = await replication.drop_subscription(source, move.names.back_subscription)
    slots = await replication.drop_slots(target, f"^{move.names.back_slot}$")
    async with target.transaction():
        return await withdraw(move, target, NAME, move.names.back_publication) or dropped or bool(slots)


async def _resume(target: Connection, name: str) -> None:
    """Follow again; what the way back had brought to the source came from here and must not return."""
    if target.get_server_version() >= (16, 0):
        await target.execute(f"ALTER SUBSCRIPTION {identifier(name)} SET (origin = none)")
    await target.execute(f"ALTER SUBSCRIPTION {identifier(name)} ENABLE")


async def applied(move: Move) -> bool:
    """Whether the source follows the target."""
    async with move.source() as source:
        return await replication.subscription_oid(source, move.names.back_subscription) is not None
