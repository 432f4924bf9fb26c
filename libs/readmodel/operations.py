"""What is no aggregate: dead letters, the projector's own rejects among them, and the progress of work."""

from collections.abc import Sequence

import msgspec

from libs.contracts.operations import DeadLetter, DeadLetterResolved, ProgressReported
from libs.readmodel.facts import text
from libs.runtime.batches import Taken
from libs.runtime.dead_letters import tenant_of
from libs.runtime.errors import Poison
from libs.runtime.sink import Connection

PROJECTOR = "projector"
LONGEST_TEXT = 2_000
_LETTERS = """INSERT INTO dead_letter (reader, topic, partition, pos, reason, detail, key, value, headers, read_at, tenant, status)
SELECT n.*, coalesce(r.resolution, 'open')
FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::json[], $10::bigint[], $11::text[])
    AS n (reader, topic, partition, pos, reason, detail, key, value, headers, read_at, tenant)
LEFT JOIN dead_letter_resolution r USING (reader, topic, partition, pos)
ON CONFLICT DO NOTHING"""
_RESOLUTIONS = """INSERT INTO dead_letter_resolution (reader, topic, partition, pos, resolution, reason, actor, resolved_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[])
ON CONFLICT (reader, topic, partition, pos) DO UPDATE
SET resolution = excluded.resolution, reason = excluded.reason, actor = excluded.actor, resolved_at = excluded.resolved_at"""
_RESOLVED = """UPDATE dead_letter d SET status = n.resolution
FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[]) AS n (reader, topic, partition, pos, resolution)
WHERE (d.reader, d.topic, d.partition, d.pos) = (n.reader, n.topic, n.partition, n.pos)"""
_PROGRESS = """INSERT INTO progress (tenant, migration, work_id, step, done, total, unit, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[])
ON CONFLICT (tenant, migration, work_id) DO UPDATE
SET step = excluded.step, done = excluded.done, total = excluded.total, unit = excluded.unit, at = excluded.at WHERE progress.at <= excluded.at"""
_FORGET = "DELETE FROM progress p USING unnest($1::text[], $2::text[]) AS k (tenant, migration) WHERE p.tenant = k.tenant AND p.migration = k.migration"


def _letter_of(taken: Taken) -> DeadLetter:
    """What the projector itself could not take. Its time is the record's, so that a rebuild finds the same."""
    record, poison = taken.record, taken.content
    assert isinstance(poison, Poison)
    return DeadLetter(
        reader=PROJECTOR,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=poison.reason,
        detail=poison.detail,
        key=record.key,
        value=record.value,
        headers={name: value if isinstance(value, bytes) else b"" for name, value in record.headers},
        read_at=taken.at,
        tenant=tenant_of(record.key),
    )


async def store_letters(connection: Connection, letters: Sequence[DeadLetter], rejected: Sequence[Taken]) -> None:
    """Keep dead letters, each once."""
    rows = [
        (
            text(letter.reader),
            text(letter.topic),
            letter.partition,
            letter.offset,
            text(letter.reason),
            text(letter.detail, LONGEST_TEXT),
            letter.key,
            letter.value,
            msgspec.json.encode(letter.headers, order="sorted").decode(),
            letter.read_at,
            text(letter.tenant),
        )
        for letter in (*letters, *map(_letter_of, rejected))
    ]
    if rows:
        await connection.execute(_LETTERS, *map(list, zip(*rows, strict=True)))


async def store_resolutions(connection: Connection, resolutions: Sequence[DeadLetterResolved]) -> None:
    """Keep what operators made of dead letters; the last word on each counts."""
    latest = {(text(r.reader), text(r.topic), r.partition, r.offset): r for r in resolutions}
    if latest:
        rows = [(*place, text(r.resolution), text(r.reason, LONGEST_TEXT), text(r.actor), r.resolved_at) for place, r in latest.items()]
        columns = list(map(list, zip(*rows, strict=True)))
        await connection.execute(_RESOLUTIONS, *columns)
        await connection.execute(_RESOLVED, *columns[:5])


async def store_progress(connection: Connection, reports: Sequence[ProgressReported], ended: Sequence[tuple[str, str]]) -> None:
    """Keep the latest report of each work item; drop those of migrations that have ended."""
    latest: dict[tuple[str, str, str], ProgressReported] = {}
    for report in reports:
        key = (text(report.tenant), text(report.migration), text(report.work_id))
        if key not in latest or latest[key].at <= report.at:
            latest[key] = report
    if latest:
        rows = [(*key, text(r.step), r.done, r.total, text(r.unit), r.at) for key, r in latest.items()]
        await connection.execute(_PROGRESS, *map(list, zip(*rows, strict=True)))
    if ended:
        await connection.execute(_FORGET, [key[0] for key in ended], [key[1] for key in ended])
