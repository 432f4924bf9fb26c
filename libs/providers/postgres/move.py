"""One work item with everything a step needs: both servers, the options, the names."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from libs.providers.base import Assignment, Progress, ProviderError
from libs.providers.postgres import ledger
from libs.providers.postgres.connecting import Connection, connected
from libs.providers.postgres.endpoints import Endpoint, Refused, endpoint
from libs.providers.postgres.fencing import application_name, entered
from libs.providers.postgres.names import names_of
from libs.providers.postgres.options import parse


class Move:
    """What a step is given."""

    def __init__(self, work: Assignment, progress: Progress) -> None:
        self.work = work
        self.progress = progress
        self.options = parse(work.request)
        self.names = names_of(work.request.tenant, work.request.migration)
        self.source_endpoint = _endpoint("source", work.request.source, work.request.tenant)
        self.target_endpoint = _endpoint("target", work.request.target, work.request.tenant)
        self.seconds = work.step.timeout_ms / 1000

    @property
    def record_name(self) -> str:
        """Name of the connection record."""
        return self.options.connection.name or self.source_endpoint.database

    @property
    def application(self) -> str:
        """Application name of every session of this work."""
        return application_name(self.names, self.work.fence)

    def source(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to the source that looks and changes nothing."""
        return connected(self.source_endpoint, "source", self.application, self.seconds)

    def target(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to the target that looks and changes nothing."""
        return connected(self.target_endpoint, "target", self.application, self.seconds)

    @asynccontextmanager
    async def fenced_source(self) -> AsyncIterator[Connection | None]:
        """A connection to the source under the fence, or None where the migration is not recorded (any more)."""
        async with self.source() as connection, entered(connection, self.work, self.names) as recorded:
            yield connection if recorded else None

    @asynccontextmanager
    async def fenced_target(self) -> AsyncIterator[Connection | None]:
        """A connection to the target under the fence, or None where the migration is not recorded (any more)."""
        async with self.target() as connection, entered(connection, self.work, self.names) as recorded:
            yield connection if recorded else None

    async def remember(self, connection: Connection, step: str, detail: dict[str, Any]) -> None:
        """Write down what the undo of a step needs."""
        await ledger.remember(connection, self.work.request.tenant, self.work.request.migration, step, detail)

    async def recall(self, connection: Connection, step: str) -> dict[str, Any] | None:
        """What was written down for a step, or None."""
        return await ledger.recall(connection, self.work.request.tenant, self.work.request.migration, step)

    async def erase(self, connection: Connection, step: str) -> None:
        """Remove what was written down for a step."""
        await ledger.erase(connection, self.work.request.tenant, self.work.request.migration, step)


def recorded(connection: Connection | None) -> Connection:
    """The connection, or a refusal: an act needs the migration recorded, which only its first step does."""
    if connection is None:
        message = "this migration is not recorded in the server: it was undone or finished"
        raise ProviderError("not_recorded", message, retryable=False)
    return connection


def _endpoint(side: str, given: dict[str, Any], tenant: str) -> Endpoint:
    try:
        return endpoint(side, given, tenant)
    except Refused as error:
        problem = error.problems[0]
        raise ProviderError(
            problem.code, problem.message, remedy=problem.remedy, retryable=problem.code == "credential_not_found"
        ) from None
