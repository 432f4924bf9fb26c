"""What the edge asks of the read model: one pool, bounded waits, and a database that is away becomes a problem, not a crash."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from libs.edge.problems import unavailable
from libs.edge.tail import Seen
from libs.readmodel import generations
from libs.readmodel.facts import KINDS, stored_fact
from libs.runtime.sink import Connection, Pool

_log = structlog.get_logger()
_EVERY_S = 3.0
_STALE_S = 12.0
_QUERY_S = 10.0
_CONNECTIONS = 16
_OF_COMMAND = """SELECT kind, partition, pos, type, schema, record FROM event
WHERE tenant = $1 AND client_command = $2 AND kind = $3 AND aggregate = $4 ORDER BY pos"""
_REQUESTER = "SELECT requested_by FROM migration WHERE tenant = $1 AND id = $2"


class ReadSide:
    """Queries on the live generation of a topic prefix."""

    def __init__(self, dsn: str, prefix: str) -> None:
        self._dsn, self._prefix = dsn, prefix
        self._pool: Pool | None = None
        self._seen_at = float("-inf")

    @property
    def answers(self) -> bool:
        """Whether PostgreSQL answered within the last seconds."""
        return time.monotonic() - self._seen_at < _STALE_S

    async def run(self) -> None:
        """Look again and again whether PostgreSQL answers and a projector has made the read models."""
        while True:
            try:
                async with self.connection():
                    self._seen_at = time.monotonic()
            except Exception as error:
                _log.warning("the read model does not answer", error=str(error))
            await asyncio.sleep(_EVERY_S if self.answers else 0.5)

    async def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            await asyncio.wait_for(self._pool.close(), _QUERY_S)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection whose names mean the live generation until the block ends. Raises HttpProblem 503."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(self._dsn, min_size=0, max_size=_CONNECTIONS, command_timeout=_QUERY_S, timeout=5)
        try:
            await self._pool
            async with self._pool.acquire(timeout=_QUERY_S) as connection, connection.transaction():
                await generations.live(connection, self._prefix)
                yield connection
        except (OSError, TimeoutError, generations.NoReadModel, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
            _log.warning("the read model does not answer", error=f"{type(error).__name__}: {error}")
            raise unavailable("read_model_unavailable") from error
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError) as error:
            raise unavailable("read_model_unavailable") from error

    async def requester(self, tenant: str, migration: str) -> str:
        """Subject that asked for a migration; empty when there is none."""
        async with self.connection() as connection:
            found: str | None = await connection.fetchval(_REQUESTER, tenant, migration)
        return found or ""

    async def decision(self, tenant: str, aggregate: str, id_: str, command_id: str) -> list[Seen]:
        """Events that name this command as their cause, oldest first."""
        async with self.connection() as connection:
            rows = await connection.fetch(_OF_COMMAND, tenant, command_id, KINDS[aggregate], id_)
        facts = [stored_fact(row) for row in rows]
        key = f"{tenant}/{id_}".encode()
        return [Seen(aggregate, fact.partition, fact.pos, key, fact.envelope, fact.body) for fact in facts]
