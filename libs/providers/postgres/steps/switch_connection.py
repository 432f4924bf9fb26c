"""Step switch_connection: tell applications that their database is now the target. Their pause ends here."""

from libs.contracts.values import Evidence
from libs.providers.base import ProviderError
from libs.providers.postgres import guarding, record
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move, recorded
from libs.providers.postgres.steps.copy_sequences import copy_states
from libs.providers.postgres.steps.following import drained

NAME = "switch_connection"
LOCK_GUARD = "SELECT tenant, migration FROM whimbrel.guard FOR UPDATE"
PAUSE = "SELECT extract(epoch FROM clock_timestamp() - fenced_at) * 1000 FROM whimbrel.guard"


async def apply(move: Move) -> Evidence:
    """Write the record in the target, then in the source, where applications read it.

    1. Note at the source, under the lock of the guard, that the switch begins and which epoch it makes.
    2. Let the target be written, should an earlier switch back have fenced it.
    3. Write the record in the target, in the source only while the guard is still ours, and in the file.
    """
    async with move.fenced_source() as fenced_source, move.fenced_target() as fenced_target:
        source, target = recorded(fenced_source), recorded(fenced_target)
        async with source.transaction():
            await _hold_guard(move, source)
            await move.remember(source, NAME, {"epoch": await record.epoch(source, move) + 1})
        number = int((await move.recall(source, NAME) or {})["epoch"])
        await guarding.unfence(target, move.work.request.tenant, move.work.request.migration)
        dsn = record.target_dsn(move)
        await record.write(target, move, dsn, number)
        async with source.transaction():
            await _hold_guard(move, source)
            first = await record.epoch(source, move) < number
            await record.write(source, move, dsn, number)
            pause = round(float(await source.fetchval(PAUSE)))
            if first:
                await source.execute(UPDATE_PAUSE, move.work.request.tenant, move.work.request.migration, NAME, str(pause))
        record.write_file(move, dsn, number)
        return {"epoch": number, "pause_ms": pause if first else int((await move.recall(source, NAME) or {}).get("pause_ms", pause))}


UPDATE_PAUSE = """
UPDATE whimbrel.effect SET detail = jsonb_set(detail, '{pause_ms}', $4::text::jsonb) WHERE tenant = $1 AND migration = $2 AND step = $3
"""


async def _hold_guard(move: Move, source: Connection) -> None:
    row = await source.fetchrow(LOCK_GUARD)
    if row is None or (row["tenant"], row["migration"]) != (move.work.request.tenant, move.work.request.migration):
        raise ProviderError("source_not_fenced", "the source does not hold this migration's fence", category="cutover", retryable=False)


async def undo(move: Move) -> Evidence:
    """Go back to the source with every write that was made at the target.

    1. Fence the target, as the source was: nothing is written anywhere now.
    2. Wait until the source has everything; take the sequences over.
    3. Write the record in both; the undo of fence_source then opens the source.
    """
    request = move.work.request
    async with move.fenced_source() as source, move.fenced_target() as target:
        detail = None if source is None else await move.recall(source, NAME)
        if source is None or target is None or detail is None:
            return {"undone": False}
        async with move.target() as helper:
            await guarding.fence(target, helper, request.tenant, request.migration, move.options.grace_ms)
        await drained(target, move.names.back_slot)
        await copy_states(target, source)
        number = max(int(detail["epoch"]), await record.epoch(target, move)) + 1
        for connection in (target, source):
            await record.write(connection, move, record.source_dsn(move), number)
        record.write_file(move, record.source_dsn(move), number)
        await move.erase(source, NAME)
        return {"undone": True, "epoch": number}


async def applied(move: Move) -> bool:
    """Whether a switch was begun."""
    async with move.source() as source:
        return await move.recall(source, NAME) is not None
