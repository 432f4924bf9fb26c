"""What the edge asks of the read model: one pool, bounded waits, and what it cannot answer becomes a problem."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from libs.contracts.envelope import key_of
from libs.edge.awaiting import Seen
from libs.edge.event_documents import time_of
from libs.edge.problems import HttpProblem, Wrong, unavailable
from libs.readmodel.errors import Behind, InvalidQuery, NotKnownYet
from libs.readmodel.generations import NoReadModel
from libs.readmodel.position import Position
from libs.readmodel.queries import migrations, timeline
from libs.readmodel.reading import ReadModel, Snapshot

_log = structlog.get_logger()
_EVERY_S = 3.0
_STALE_S = 12.0
_QUERY_S = 10.0
_CONNECTIONS = 16
WAIT_S = 5.0
"""How long a query waits for the read model to reach the position asked for."""
_AWAY = (
    OSError, TimeoutError, NoReadModel, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError,
    asyncpg.UndefinedTableError,
)  # fmt: skip
_BUSY = (asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError, asyncpg.SerializationError)


class ReadSide:
    """Questions to the live read models of a topic prefix. Make it inside the event loop that it is used in."""

    def __init__(self, dsn: str, prefix: str, cursor_secret: str) -> None:
        self._pool = asyncpg.create_pool(dsn, min_size=0, max_size=_CONNECTIONS, command_timeout=_QUERY_S, timeout=5)
        secret = hashlib.sha256(cursor_secret.encode()).digest()
        self._model = ReadModel(self._pool, prefix, secret)
        self._seen_at = float("-inf")

    @property
    def answers(self) -> bool:
        """Whether PostgreSQL answered within the last seconds."""
        return time.monotonic() - self._seen_at < _STALE_S

    async def run(self) -> None:
        """Look again and again whether PostgreSQL answers and a projector has made the read models."""
        while True:
            try:
                async with self.snapshot():
                    self._seen_at = time.monotonic()
            except HttpProblem:
                pass
            except Exception as error:
                _log.error("looking at the read model failed", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_EVERY_S if self.answers else 0.5)

    async def close(self) -> None:
        """Give the connections back."""
        await asyncio.wait_for(self._pool.close(), _QUERY_S)

    @asynccontextmanager
    async def snapshot(self, at: Position | int | None = None, reached: Position | None = None) -> AsyncIterator[Snapshot]:
        """A consistent view, as of now or of `at`, once the read model has `reached` a position. Raises HttpProblem."""
        try:
            await self._pool
            if reached:
                await self._model.wait_for(reached, WAIT_S)
            async with self._model.snapshot(at) as snapshot:
                yield snapshot
        except InvalidQuery as error:
            wrong: Wrong = {"pointer": f"/query/{error.field}", "code": "invalid", "detail": str(error)}
            raise HttpProblem("invalid_request", str(error), errors=[wrong]) from error
        except NotKnownYet as error:
            extra = {"safeTime": time_of(error.safe_time), "safePosition": error.safe_position}
            raise HttpProblem("not_known_yet", f"Known is everything up to {extra['safeTime']}.", extra=extra) from error
        except Behind as error:
            headers = {"Retry-After": "1", "Event-Position": error.position}
            raise HttpProblem("read_model_behind", headers=headers) from error
        except (*_AWAY, *_BUSY) as error:
            _log.warning("the read model does not answer", error=f"{type(error).__name__}: {error}")
            raise unavailable("read_model_unavailable") from error

    async def requester(self, tenant: str, migration: str) -> str:
        """Subject that asked for a migration; empty when there is none."""
        async with self.snapshot() as snapshot:
            return await migrations.requester(snapshot, tenant, migration)

    async def decision(self, tenant: str, aggregate: str, id_: str, command_id: str) -> list[Seen]:
        """Events that name this command as their cause, oldest first."""
        async with self.snapshot() as snapshot:
            facts = await timeline.decision(snapshot, aggregate, tenant, command_id)
        mine = [fact for fact in facts if fact.envelope.aggregate == id_]
        return [Seen(aggregate, fact.partition, fact.pos, key_of(tenant, id_), fact.envelope, fact.body) for fact in mine]
