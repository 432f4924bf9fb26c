"""Making a database read-only for everybody but replication, provably, and writable again.

A statement trigger that always raises sits on every table while the database is fenced. Creating it takes a lock that
waits for every transaction that has written to the table and holds back every one that would; once the fence has
committed there is no such transaction left, and each later statement, prepared or not, in a new session or an old one,
meets the trigger. The trigger looks at nothing but its own existence, so an old snapshot does not get round it.

Sequences, large objects and definitions have no triggers: for those the database defaults to read-only transactions and
the other sessions are ended. A session that then asks for a read-write transaction may still use them.
"""

import asyncio

import asyncpg

from libs.providers.base import ProviderError
from libs.providers.postgres import catalog
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.names import identifier, literal

TRIGGER = "whimbrel_refuse_write"
POLL_SECONDS = 0.05
LOCK_TRIES = 20

REFUSING = """
CREATE OR REPLACE FUNCTION whimbrel.refuse_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF (SELECT backend_type LIKE 'logical replication%' FROM pg_stat_activity WHERE pid = pg_backend_pid()) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'this database is being moved and takes no writes' USING ERRCODE = 'read_only_sql_transaction',
    HINT = 'Read whimbrel.connection: it says where to write, now or in a moment.';
END $$
"""

ALLOWING = """
CREATE OR REPLACE FUNCTION whimbrel.refuse_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  RETURN NULL;
END $$
"""

DEFAULT = """
SELECT substr(setting, length('default_transaction_read_only=') + 1)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) setting
WHERE d.datname = current_database() AND s.setrole = 0 AND setting LIKE 'default_transaction_read_only=%'
"""

BLOCKERS = """
SELECT b.pid, coalesce(a.backend_type, '') = 'client backend' AS client, $1 = ANY (pg_blocking_pids(b.pid)) AS stuck
FROM unnest(pg_blocking_pids($1)) AS b(pid) LEFT JOIN pg_stat_activity a ON a.pid = b.pid
"""

OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND application_name !~ '^whimbrel/' AND pid <> pg_backend_pid()
  AND (SELECT me.rolsuper OR NOT them.rolsuper FROM pg_roles me, pg_roles them WHERE me.rolname = current_user AND them.oid = usesysid)
"""


async def holder(connection: Connection) -> tuple[str, str] | None:
    """Tenant and migration that keep this database read-only, or None."""
    if not await connection.fetchval("SELECT to_regclass('whimbrel.guard') IS NOT NULL"):
        return None
    row = await connection.fetchrow("SELECT tenant, migration FROM whimbrel.guard")
    return None if row is None else (row["tenant"], row["migration"])


async def fence(connection: Connection, helper: Connection, tenant: str, migration: str, grace_ms: int) -> int:
    """Make the database read-only and return how many sessions had to be ended for it. Idempotent.

    `helper` is a second connection, which ends those sessions that hold a lock beyond the grace.
    1. New sessions default to read-only.
    2. Lock every table, ending who stands in the way; put the triggers on; note who did it and when.
    3. End the other sessions, so that none is left that defaults to read-write.
    """
    now = await holder(connection)
    if now is not None and now != (tenant, migration):
        raise ProviderError(
            "source_fenced_by_other", "another migration keeps this database read-only", category="cutover", retryable=False
        )
    if now is None:
        await _default_read_only(connection)
        ended = await _with_triggers(connection, helper, tenant, migration, grace_ms)
    else:
        ended = 0
    await helper.execute(OTHERS)
    return ended


async def _default_read_only(connection: Connection) -> None:
    database = identifier(await connection.fetchval("SELECT current_database()"))
    async with connection.transaction():
        if not await connection.fetchval("SELECT to_regproc('whimbrel.refuse_write') IS NOT NULL"):
            # The comment keeps the setting of before; an attempt that stopped half-way must not note its own.
            before = await connection.fetchval(DEFAULT) or ""
            await connection.execute(f"{ALLOWING}; COMMENT ON FUNCTION whimbrel.refuse_write() IS {literal(before)}")
        await connection.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        # The worker that replicates back runs as us and writes here while nobody else may.
        await connection.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET default_transaction_read_only = off")


async def _with_triggers(connection: Connection, helper: Connection, tenant: str, migration: str, grace_ms: int) -> int:
    for _ in range(LOCK_TRIES):
        try:
            async with connection.transaction():
                tables = await catalog.tables(connection)
                ended = await _lock(connection, helper, tables, grace_ms / 1000)
                await connection.execute(REFUSING)
                for table in tables:
                    await connection.execute(
                        f"CREATE OR REPLACE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table.sql}"
                        f" FOR EACH STATEMENT EXECUTE FUNCTION whimbrel.refuse_write();"
                        f" ALTER TABLE ONLY {table.sql} ENABLE ALWAYS TRIGGER {TRIGGER}"
                    )
                await connection.execute(
                    "INSERT INTO whimbrel.guard (tenant, migration, fenced_at) VALUES ($1, $2, clock_timestamp())", tenant, migration
                )
            return ended
        except asyncpg.DeadlockDetectedError:
            continue
    raise ProviderError("tables_busy", "the tables could not be locked: each try ended in a deadlock", category="cutover")


async def _lock(connection: Connection, helper: Connection, tables: list[catalog.Table], grace: float) -> int:
    if not tables:
        return 0
    pid, ended, waited = connection.get_server_pid(), 0, 0.0
    statement = f"LOCK TABLE {', '.join(f'ONLY {table.sql}' for table in tables)} IN SHARE ROW EXCLUSIVE MODE"
    waiting = asyncio.ensure_future(connection.execute(statement))
    try:
        while not (await asyncio.wait((waiting,), timeout=POLL_SECONDS))[0]:
            waited += POLL_SECONDS
            ended += await _end_blockers(helper, pid, waited > grace)
        await waiting
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    return ended


async def _end_blockers(helper: Connection, pid: int, late: bool) -> int:
    """End who blocks us: background work and those who wait for us in turn at once, the others when the grace is over."""
    ended = 0
    for row in await helper.fetch(BLOCKERS, pid):
        if row["pid"] == 0 and late:
            remedy = "commit or roll back the transactions in pg_prepared_xacts"
            raise ProviderError("prepared_transaction", "a prepared transaction holds a lock on a table", category="cutover", remedy=remedy)
        if row["pid"] and (late or row["stuck"] or not row["client"]):
            ended += bool(await helper.fetchval("SELECT pg_terminate_backend($1)", row["pid"]))
    return ended


async def truncate(connection: Connection, tables: list[catalog.Table]) -> None:
    """Empty tables at once, fenced or not; call within a transaction. The locks this takes keep everybody else out meanwhile."""
    if not tables:
        return
    query = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2)"
    fenced = [table for table in tables if await connection.fetchval(query, table.sql, TRIGGER)]
    for table in fenced:
        await connection.execute(f"ALTER TABLE ONLY {table.sql} DISABLE TRIGGER {TRIGGER}")
    await connection.execute(f"TRUNCATE {', '.join(table.sql for table in tables)}")
    for table in fenced:
        await connection.execute(f"ALTER TABLE ONLY {table.sql} ENABLE ALWAYS TRIGGER {TRIGGER}")


async def unfence(connection: Connection, tenant: str, migration: str) -> bool:
    """Make the database writable again if this migration fenced it, from any half-done point. Says whether it had anything to do.

    Writes flow as soon as the function allows them; the triggers go afterwards, one short lock at a time.
    """
    now = await holder(connection)
    if now is not None and now != (tenant, migration):
        return False
    if not await connection.fetchval("SELECT to_regproc('whimbrel.refuse_write') IS NOT NULL"):
        return False
    await _allow(connection)
    query = "SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgfoid = 'whimbrel.refuse_write'::regproc AND tgparentid = 0"
    for row in await connection.fetch(query):
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            await connection.execute(f"DROP TRIGGER IF EXISTS {TRIGGER} ON {row['name']}")
    await connection.execute("DROP FUNCTION whimbrel.refuse_write()")
    return True


async def _allow(connection: Connection) -> None:
    database = identifier(await connection.fetchval("SELECT current_database()"))
    async with connection.transaction():
        before = await connection.fetchval("SELECT obj_description('whimbrel.refuse_write'::regproc, 'pg_proc')")
        setting = f"SET default_transaction_read_only = {literal(before)}" if before else "RESET default_transaction_read_only"
        await connection.execute(f"{ALLOWING}; ALTER DATABASE {database} {setting}")
        await connection.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} RESET default_transaction_read_only")
        await connection.execute("DELETE FROM whimbrel.guard")
