"""Publications, slots and subscriptions: made once, dropped from any half-done point."""

import asyncio

import asyncpg

from libs.providers.base import ProviderError
from libs.providers.postgres.catalog import Table
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.endpoints import Endpoint
from libs.providers.postgres.names import identifier, literal
from libs.providers.postgres.options import Reach

BUSY_TRIES = 100
BUSY_SECONDS = 0.1

UNLOGGED = (("log_statement", "none"), ("log_min_duration_statement", "-1"), ("log_min_error_statement", "panic"))
"""Settings under which a server logs no statement, not even one that fails or whose session is ended."""


async def create_publication(connection: Connection, name: str, tables: list[Table]) -> None:
    """Publish tables, unless a publication of that name exists; call within a transaction."""
    if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", name):
        return
    listed = f" FOR TABLE ONLY {', ONLY '.join(table.sql for table in tables)}" if tables else ""
    await connection.execute(f"CREATE PUBLICATION {identifier(name)}{listed}")


async def drop_publication(connection: Connection, name: str) -> bool:
    """Drop a publication if it is there, and say whether it was."""
    found = bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", name))
    await connection.execute(f"DROP PUBLICATION IF EXISTS {identifier(name)}")
    return found


async def create_slot(connection: Connection, name: str) -> str:
    """Make a logical slot, or find it, and return the position from which it sends. Cannot run in a transaction that wrote."""
    found = await connection.fetchrow(
        "SELECT confirmed_flush_lsn::text AS lsn, wal_status FROM pg_replication_slots WHERE slot_name = $1", name
    )
    if found is None:
        return str(await connection.fetchval("SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')", name))
    if found["wal_status"] == "lost":
        raise slot_lost(name)
    return str(found["lsn"])


def slot_lost(name: str) -> ProviderError:
    """The server threw away log that the slot still needed."""
    remedy = "roll back and start again with a larger max_slot_wal_keep_size"
    return ProviderError("slot_lost", f"slot {name} lost log that was still needed", retryable=False, remedy=remedy)


async def drop_slots(connection: Connection, pattern: str) -> int:
    """Drop the slots of this database whose name matches a regular expression, ending whoever still reads them."""
    dropped = 0
    for _ in range(BUSY_TRIES):
        query = "SELECT slot_name::text AS name, active_pid AS pid FROM pg_replication_slots WHERE slot_name ~ $1 AND database = current_database()"
        left = await connection.fetch(query, pattern)
        if not left:
            return dropped
        for slot in left:
            dropped += await _drop_slot(connection, slot["name"], slot["pid"])
    raise ProviderError("slot_busy", "a replication slot stays in use and cannot be dropped")


async def _drop_slot(connection: Connection, name: str, pid: int | None) -> bool:
    if pid is not None:
        await connection.execute("SELECT pg_terminate_backend($1, 1000)", pid)
    try:
        await connection.execute("SELECT pg_drop_replication_slot($1)", name)
    except asyncpg.ObjectInUseError:
        await asyncio.sleep(BUSY_SECONDS)
        return False
    except asyncpg.UndefinedObjectError:
        return False
    return True


async def create_subscription(connection: Connection, name: str, conninfo: str, publication: str, slot: str, *, copy: bool) -> bool:
    """Subscribe through a slot that exists, unless subscribed already; call within a transaction. Says whether it did."""
    if await subscription_oid(connection, name):
        return False
    with_origin = not copy and connection.get_server_version() >= (16, 0)
    settings = f"create_slot = false, slot_name = {literal(slot)}, copy_data = {copy}" + (", origin = none" if with_origin else "")
    if await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user"):
        # The statement holds the password of the publisher; a superuser may keep it out of the server's log.
        await connection.execute(
            "SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) s(name, value)",
            *map(list, zip(*UNLOGGED, strict=True)),
        )
    await connection.execute(
        f"CREATE SUBSCRIPTION {identifier(name)} CONNECTION {literal(conninfo)} PUBLICATION {identifier(publication)} WITH ({settings})"
    )
    return True


async def drop_subscription(connection: Connection, name: str) -> bool:
    """Drop a subscription without touching its slot, and say whether it was there."""
    for _ in range(BUSY_TRIES):
        if not await subscription_oid(connection, name):
            return False
        try:
            async with connection.transaction():
                await connection.execute(f"ALTER SUBSCRIPTION {identifier(name)} DISABLE")
                await connection.execute(f"ALTER SUBSCRIPTION {identifier(name)} SET (slot_name = NONE)")
                await connection.execute(f"DROP SUBSCRIPTION {identifier(name)}")
            return True
        except (asyncpg.ObjectInUseError, asyncpg.ConnectionFailureError):
            # A copy that was just stopped may hold its own slot at the publisher for a moment longer.
            await asyncio.sleep(BUSY_SECONDS)
    raise ProviderError("subscription_busy", f"subscription {name} stays in use and cannot be dropped")


async def subscription_oid(connection: Connection, name: str) -> int | None:
    """Identity of a subscription of this database, or None."""
    query = "SELECT s.oid FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database() AND s.subname = $1"
    found: int | None = await connection.fetchval(query, name)
    return found


async def sync_slot_pattern(connection: Connection, name: str) -> str:
    """Regular expression of the slots by which a subscription copies tables, as its publisher knows them."""
    oid = await subscription_oid(connection, name)
    system = await connection.fetchval("SELECT system_identifier::text FROM pg_control_system()")
    return f"^pg_{oid}_sync_[0-9]+_{system}$"


def conninfo(endpoint: Endpoint, reach: Reach, application: str) -> str:
    """Connection string by which one server logs in to the other; the password goes only where the credential says."""
    values = {
        "host": reach.host or endpoint.host,
        "port": str(reach.port or endpoint.port),
        "dbname": endpoint.database,
        "user": endpoint.user,
        "password": "" if reach.passfile or reach.host or reach.port else endpoint.password,
        "passfile": reach.passfile,
        "sslmode": endpoint.sslmode,
        "application_name": application,
        "connect_timeout": "10",
    }
    return " ".join(f"{key}='{_escaped(value)}'" for key, value in values.items() if value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


async def lag(connection: Connection, slot: str) -> tuple[int, float]:
    """How far the reader of a slot is behind: bytes of log, and seconds as its server last measured them."""
    row = await connection.fetchrow(
        """
        SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint AS bytes, s.wal_status,
               coalesce(extract(epoch FROM r.replay_lag), 0)::float8 AS seconds, s.active
        FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = $1
        """,
        slot,
    )
    if row is None:
        raise ProviderError("slot_missing", f"slot {slot} is not there", retryable=False, remedy="roll back and start again")
    if row["wal_status"] == "lost":
        raise slot_lost(slot)
    return max(row["bytes"], 0), row["seconds"]


async def confirmed(connection: Connection, slot: str, lsn: str) -> bool:
    """Whether the reader of a slot has confirmed everything up to a position."""
    query = "SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1"
    return bool(await connection.fetchval(query, slot, lsn))
