"""The fence of D3 inside a PostgreSQL server.

The highest fence of a migration is a row of `whimbrel.fence`; every act holds a session advisory lock on the very
connection that does its work. Entering with a higher fence ends the sessions of lower ones, so nothing a zombie had begun
can finish, and what it tries next finds either its connection gone or its fence too low. Because lock and work share one
session, this also covers statements that cannot run in a transaction.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.providers.base import Assignment, Fenced, ProviderError
from libs.providers.postgres import ledger
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.names import Names

LOCK_SECONDS = 30.0
POLL_SECONDS = 0.02

RAISE = """
UPDATE whimbrel.fence SET fence = greatest(fence, $3) WHERE tenant = $1 AND migration = $2 RETURNING fence
"""

EVICT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND usename = current_user
  AND CASE WHEN application_name ~ ('^whimbrel/' || $1 || '/[0-9]{1,18}$')
           THEN split_part(application_name, '/', 3)::bigint < $2 ELSE false END
"""


def application_name(names: Names, fence: int) -> str:
    """Name under which a session of an executor shows; its last part is the fence."""
    return f"whimbrel/{names.digest}/{fence}"


@asynccontextmanager
async def entered(connection: Connection, work: Assignment, names: Names) -> AsyncIterator[bool]:
    """Hold the fence of a work item on this connection. Yields False, holding nothing, when the migration is not recorded here.

    1. Raise the recorded fence, or find a higher one (Fenced).
    2. End the sessions of lower fences.
    3. Take the lock, which an executor of the same fence may hold for a while (ProviderError `busy` if too long).
    4. Look at the recorded fence again: it may have risen while we waited.
    """
    if not await _raise(connection, work):
        yield False
        return
    await connection.execute(EVICT, names.digest, work.fence)
    await _lock(connection, names.lock_key)
    try:
        yield await _raise(connection, work)
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", names.lock_key)


async def record(connection: Connection, work: Assignment) -> None:
    """Write down a migration's first fence, or raise the one that is there. Refuses an assignment whose deadline has passed."""
    request = work.request
    async with connection.transaction():
        await ledger.create(connection)
        if await connection.fetchval("SELECT extract(epoch FROM clock_timestamp()) * 1000000 > $1", work.deadline):
            raise ProviderError("deadline_passed", "the deadline of this work passed before it began")
        await connection.execute(
            "INSERT INTO whimbrel.fence VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", request.tenant, request.migration, work.fence
        )
        await _raise(connection, work)


async def _raise(connection: Connection, work: Assignment) -> bool:
    if not await ledger.exists(connection):
        return False
    seen = await connection.fetchval(RAISE, work.request.tenant, work.request.migration, work.fence)
    if seen is not None and seen > work.fence:
        raise Fenced(seen, work.fence)
    return seen is not None


async def _lock(connection: Connection, key: int) -> None:
    waited = 0.0
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
        if waited > LOCK_SECONDS:
            raise ProviderError("busy", "another executor of this migration holds the server")
        await asyncio.sleep(POLL_SECONDS)
        waited += POLL_SECONDS
