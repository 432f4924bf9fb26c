"""What is no aggregate: dead letters, the projector's own rejects among them, and the progress of work."""

from collections.abc import Sequence

import msgspec

from libs.contracts.operations import DeadLetter, ProgressReported
from libs.readmodel.facts import text
from libs.runtime.errors import Poison
from libs.runtime.sink import Connection, Taken

PROJECTOR = "projector"
LONGEST_TEXT = 2_000
_LETTERS = """INSERT INTO dead_letter (reader, topic, partition, pos, reason, detail, key, value, headers, read_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::json[], $10::bigint[])
ON CONFLICT DO NOTHING"""
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
        )
        for letter in (*letters, *map(_letter_of, rejected))
    ]
    if rows:
        await connection.execute(_LETTERS, *map(list, zip(*rows, strict=True)))


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
