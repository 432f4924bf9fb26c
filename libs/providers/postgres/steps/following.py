"""Checks initial_copy, lag_low and lag_zero: how far the target has followed the source."""

import asyncio

from libs.contracts.values import Evidence
from libs.providers.base import NotYet, ProviderError
from libs.providers.postgres import guarding, replication
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move

COPIED = """
SELECT c.oid::regclass::text AS name, r.srsubstate::text AS state, coalesce(p.tuples_processed, 0) AS rows
FROM pg_subscription_rel r JOIN pg_class c ON c.oid = r.srrelid LEFT JOIN pg_stat_progress_copy p ON p.relid = c.oid
WHERE r.srsubid = $1 ORDER BY r.srsubstate = 'r', 1
"""

ESTIMATES = (
    "SELECT c.oid::regclass::text AS name, greatest(c.reltuples, 0)::bigint AS rows FROM pg_class c WHERE c.oid::regclass::text = ANY ($1)"
)

DRAIN_POLL_SECONDS = 0.02
DRAIN_SECONDS = 20.0
"""How long one look at the lag goes on within the pause, before it leaves the waiting to its caller."""


async def initial_copy(move: Move) -> Evidence:
    """Holds once every table has been copied and has caught up with the log."""
    async with move.target() as target:
        oid = await replication.subscription_oid(target, move.names.subscription)
        if oid is None:
            raise ProviderError(
                "subscription_missing", "the subscription is not there", retryable=False, remedy="roll back and start again"
            )
        rows = await target.fetch(COPIED, oid)
        trouble = await _errors(target, oid)
    ready = [row for row in rows if row["state"] == "r"]
    running = {row["name"]: row["rows"] for row in rows if row["state"] == "d" and row["rows"]}
    await _tell(move, running)
    await move.progress(len(ready), len(rows), "tables")
    if len(ready) < len(rows):
        async with move.source() as source:
            await replication.lag(source, move.names.slot)
        raise NotYet(
            "initial_copy_running",
            f"{len(ready)} of {len(rows)} tables are copied{trouble}",
            remedy="read the target's log" if trouble else "",
        )
    return {"tables": len(rows)}


async def _tell(move: Move, running: dict[str, int]) -> None:
    if not running:
        return
    async with move.source() as source:
        estimates = {row["name"]: row["rows"] for row in await source.fetch(ESTIMATES, list(running))}
    for name, rows in running.items():
        await move.progress(rows, max(estimates.get(name, 0), rows), f"rows of {name}")


async def _errors(target: Connection, oid: int) -> str:
    count = await target.fetchval("SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats WHERE subid = $1", oid)
    return f"; the target reported {count} errors while replicating" if count else ""


async def lag_low(move: Move) -> Evidence:
    """Holds while the target is no further behind than the options allow."""
    async with move.source() as source:
        lag_bytes, lag_seconds = await replication.lag(source, move.names.slot)
    if lag_bytes > move.options.max_lag_bytes or lag_seconds > move.options.max_lag_seconds:
        raise NotYet("lag_high", f"the target is {lag_bytes} bytes and {lag_seconds:.1f} seconds behind")
    return {"lag_bytes": lag_bytes, "lag_seconds": lag_seconds}


async def lag_zero(move: Move) -> Evidence:
    """Holds once the target has confirmed everything that was in the source's log when this began, with the source fenced."""
    async with move.source() as source:
        if await guarding.holder(source) != (move.work.request.tenant, move.work.request.migration):
            raise ProviderError("source_not_fenced", "the source does not hold this migration's fence", category="cutover", retryable=False)
        await drained(source, move.names.slot)
        lag_bytes, lag_seconds = await replication.lag(source, move.names.slot)
    return {"lag_bytes": lag_bytes, "lag_seconds": lag_seconds}


async def drained(publisher: Connection, slot: str) -> None:
    """Wait until the reader of a slot has confirmed what is in the log now, flushed or not. Raises NotYet after a while."""
    lsn = await publisher.fetchval("SELECT pg_current_wal_insert_lsn()::text")
    for _ in range(int(DRAIN_SECONDS / DRAIN_POLL_SECONDS)):
        if await replication.confirmed(publisher, slot, lsn):
            return
        await asyncio.sleep(DRAIN_POLL_SECONDS)
    lag_bytes, _ = await replication.lag(publisher, slot)
    raise NotYet("lag_not_zero", f"the reader of slot {slot} is still {lag_bytes} bytes behind", category="cutover")
