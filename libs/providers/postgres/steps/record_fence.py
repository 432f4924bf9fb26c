"""Step record_fence: write the migration down in both servers, so that every later act can be fenced there."""

from libs.contracts.values import Evidence
from libs.providers.postgres import guarding, ledger, record
from libs.providers.postgres.fencing import record as record_fence
from libs.providers.postgres.move import Move

NAME = "record_fence"


async def apply(move: Move) -> Evidence:
    """Make schema whimbrel, the first fence and the connection record on both sides."""
    for server in (move.source, move.target):
        async with server() as connection:
            await record_fence(connection, move.work)
            async with connection.transaction():
                await record.begin(connection, move)
    return {"fence": move.work.fence}


async def undo(move: Move) -> Evidence:
    """Remove the migration from both servers, and with the last one the schema."""
    undone = False
    for server in (move.fenced_target, move.fenced_source):
        async with server() as connection:
            if connection is None:
                continue
            await guarding.unfence(connection, move.work.request.tenant, move.work.request.migration)
            async with connection.transaction():
                await ledger.forget(connection, move.work.request.tenant, move.work.request.migration)
            undone = True
    return {"undone": undone}


async def applied(move: Move) -> bool:
    """Whether both servers know the migration."""
    query = "SELECT EXISTS (SELECT FROM whimbrel.fence WHERE tenant = $1 AND migration = $2)"
    for server in (move.source, move.target):
        async with server() as connection:
            if not await ledger.exists(connection):
                return False
            if not await connection.fetchval(query, move.work.request.tenant, move.work.request.migration):
                return False
    return True
