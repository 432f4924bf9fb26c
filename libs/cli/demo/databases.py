"""The databases of the demonstration, on two servers of the stack."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.embedded.settings import credential_dir
from libs.testing.sample_database.builder import build

_OF_ENDED_RUNS = "SELECT datname FROM pg_database WHERE datname ~ '^(shop|outlet)_[0-9]+$' AND NOT datname = ANY ($1)"
_LEFT = """SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())
+ (SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database())"""
_TABLES = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname = 'shop'"
)
HOTFIX = "CREATE TABLE IF NOT EXISTS shop.hotfix (id bigint PRIMARY KEY, reason text)"
"""A change of definitions in the middle of a move, as a hurried colleague makes it: the fault of the second move."""


def address(server: str, database: str) -> str:
    """Address of a database on a server, given the server's own."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


async def fresh(servers: tuple[str, str], names: tuple[str, str]) -> None:
    """Make these databases anew on both servers, empty, and drop those of ended runs."""
    for server in servers:
        connection = await asyncpg.connect(server)
        try:
            for (old,) in await connection.fetch(_OF_ENDED_RUNS, list(names)):
                await _drop(connection, address(server, old), old)
            for name in names:
                await _drop(connection, address(server, name), name)
                await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        finally:
            await connection.close()


async def _drop(connection: "asyncpg.Connection[asyncpg.Record]", dsn: str, name: str) -> None:
    """Drop a database; a subscription or slot that a stopped run left in it would forbid that."""
    if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
        return
    inside = await asyncpg.connect(dsn)
    try:
        for (left,) in await inside.fetch(
            "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()"
        ):
            await inside.execute(f'ALTER SUBSCRIPTION "{left}" DISABLE')
            await inside.execute(f'ALTER SUBSCRIPTION "{left}" SET (slot_name = NONE)')
            await inside.execute(f'DROP SUBSCRIPTION "{left}"')
    finally:
        await inside.close()
    await connection.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1 AND active", name)
    await connection.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active", name
    )
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def filled(dsn: str, rows: int) -> int:
    """Build the sample in an empty database; returns how many rows it has."""
    return await build(dsn, rows)


async def hotfix(dsn: str) -> None:
    """Change the definitions of a database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(HOTFIX)
    finally:
        await connection.close()


async def untouched(source: str, target: str) -> bool:
    """Whether a rolled back move left nothing: no publication, slot or subscription on either side, and no table at the target."""
    for dsn, tables in ((source, True), (target, False)):
        connection = await asyncpg.connect(dsn)
        try:
            if await connection.fetchval(_LEFT) or bool(await connection.fetchval(_TABLES)) is not tables:
                return False
        finally:
            await connection.close()
    return True


def keep_credential(data_dir: Path, name: str, dsn: str) -> str:
    """Keep an address with its password where the workers may read it, and return the reference to it."""
    path = credential_dir(data_dir) / "default" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(dsn + "\n", encoding="utf-8")
    return f"file:{path}"
