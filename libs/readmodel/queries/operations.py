"""Work in flight, progress and dead letters. Progress is no event, so it is known only as of now."""

from typing import Any

from libs.contracts.operations import ProgressReported
from libs.readmodel.cursor import limited
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.facts import KINDS, text
from libs.readmodel.projecting import VIEWS
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.reading import Snapshot
from libs.readmodel.view import row_from

_WORK = """SELECT t.* FROM {table} t WHERE t.tenant = $1 AND t.next_deadline IS NOT NULL
AND (t.next_deadline, t.id) > ($2::bigint, $3::text) ORDER BY t.next_deadline, t.id LIMIT $4"""
_PROGRESS = "SELECT tenant, migration, work_id, step, done, total, unit, at FROM progress WHERE tenant = $1 AND migration = $2 ORDER BY work_id LIMIT $3"
_LETTERS = """SELECT d.*, r.reason AS resolution_reason, r.actor AS resolved_by, r.resolved_at FROM dead_letter d
LEFT JOIN dead_letter_resolution r USING (reader, topic, partition, pos)
WHERE d.tenant = $1 AND d.status = $2 AND ($3::text = '' OR d.reason = $3)
AND (d.read_at, d.reader, d.topic, d.partition, d.pos) < ($4::bigint, $5::text, $6::text, $7::int, $8::bigint)
ORDER BY d.read_at DESC, d.reader DESC, d.topic DESC, d.partition DESC, d.pos DESC LIMIT $9"""
_LETTER = """SELECT d.*, r.reason AS resolution_reason, r.actor AS resolved_by, r.resolved_at FROM dead_letter d
LEFT JOIN dead_letter_resolution r USING (reader, topic, partition, pos)
WHERE d.reader = $1 AND d.topic = $2 AND d.partition = $3 AND d.pos = $4 AND d.tenant = $5"""
LETTER_STATUSES = ("open", "replayed", "discarded")
_FIRST = [1 << 62, "", "", 0, 0]


def _only_now(snapshot: Snapshot, what: str) -> None:
    if snapshot.at is not None:
        raise InvalidQuery("at", f"{what} is known only as of now; leave out at")


async def work_in_flight(snapshot: Snapshot, tenant: str, *, aggregate: str = "migration", limit: int = 50, cursor: str = "") -> Page:
    """A page of rows that wait for a worker (their field `work` says for what), earliest deadline first. Raises InvalidQuery."""
    _only_now(snapshot, "work in flight")
    query = ("work", aggregate, tenant)
    after = snapshot.cursors.decode(query, cursor) if cursor else [-1, ""]
    view = VIEWS[KINDS[aggregate]]
    found = await snapshot.connection.fetch(_WORK.format(table=view.table), tenant, *after, limited(limit) + 1)
    rows = [row_from(view, record) for record in found]
    return page_of(snapshot.cursors, query, rows, limit, lambda row: [row.next_deadline, row.id])


async def progress(snapshot: Snapshot, tenant: str, migration: str, *, limit: int = 500) -> list[ProgressReported]:
    """How far the work items of a migration are, as last reported."""
    _only_now(snapshot, "progress")
    found = await snapshot.connection.fetch(_PROGRESS, tenant, text(migration), limited(limit))
    return [ProgressReported(**dict(row)) for row in found]


async def dead_letters(
    snapshot: Snapshot, tenant: str, *, status: str = "open", reason: str = "", limit: int = 50, cursor: str = ""
) -> Page:
    """A page of dead letters of a tenant, newest first. The empty tenant has those that name none. Raises InvalidQuery."""
    _only_now(snapshot, "the dead-letter queue")
    if status not in LETTER_STATUSES:
        raise InvalidQuery("status", f"status is {status!r}; give one of {', '.join(LETTER_STATUSES)}")
    query = ("letters", tenant, status, reason)
    after = snapshot.cursors.decode(query, cursor) if cursor else _FIRST
    found = await snapshot.connection.fetch(_LETTERS, tenant, status, text(reason), *after, limited(limit) + 1)
    rows = [dict(row) for row in found]
    key = ("read_at", "reader", "topic", "partition", "pos")
    return page_of(snapshot.cursors, query, rows, limit, lambda row: [row[name] for name in key])


async def dead_letter(snapshot: Snapshot, tenant: str, reader: str, topic: str, partition: int, offset: int) -> dict[str, Any] | None:
    """One dead letter by the reader that could not take it and the place it was read from; None when there is none."""
    row = await snapshot.connection.fetchrow(_LETTER, reader, topic, partition, offset, tenant)
    return dict(row) if row else None
