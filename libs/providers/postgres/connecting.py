"""Connections to a server: bounded in time, the same session settings on both sides, always closed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import asyncpg

from libs.providers.postgres.endpoints import Endpoint
from libs.providers.postgres.errors import FAILURES, translate

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    # The class takes a parameter in its stubs only.
    Connection = asyncpg.Connection

First = TypeVar("First")
Second = TypeVar("Second")
Mode: TypeAlias = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0

SETTINGS = {
    # Rows are compared as text, so whatever shapes text must be the same on both sides.
    "search_path": "pg_catalog",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    # A policy must fail a comparison, not hide rows from it.
    "row_security": "off",
    # The fence makes this the default of the database; our own sessions are what it must not stop.
    "default_transaction_read_only": "off",
    "idle_in_transaction_session_timeout": "600000",
    "tcp_keepalives_idle": "30",
    "client_min_messages": "warning",
}


@asynccontextmanager
async def connected(endpoint: Endpoint, where: str, application: str, timeout: float) -> AsyncIterator[Connection]:
    """A connection for one verb. `timeout` bounds each statement, in seconds, on both ends. Raises ProviderError."""
    try:
        connection = await asyncpg.connect(
            host=endpoint.host,
            port=endpoint.port,
            database=endpoint.database,
            user=endpoint.user,
            password=endpoint.password or None,
            ssl=_ssl(endpoint),
            timeout=CONNECT_SECONDS,
            command_timeout=timeout,
            server_settings=SETTINGS | {"application_name": application, "statement_timeout": str(int(timeout * 1000))},
        )
    except FAILURES as error:
        raise translate(error, where) from error
    try:
        yield connection
    except FAILURES as error:
        raise translate(error, where) from error
    finally:
        await _close(connection)


async def together(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Run two things that use one connection each; when one fails the other is stopped, and the failure is raised as it is."""
    tasks = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tasks[0].result(), tasks[1].result()


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except FAILURES:
        connection.terminate()


def _ssl(endpoint: Endpoint) -> Mode | ssl.SSLContext:
    if endpoint.host.startswith("/"):
        return "disable"
    if endpoint.sslrootcert and endpoint.sslmode.startswith("verify"):
        context = ssl.create_default_context(cafile=endpoint.sslrootcert)
        context.check_hostname = endpoint.sslmode == "verify-full"
        return context
    return cast(Mode, endpoint.sslmode)
