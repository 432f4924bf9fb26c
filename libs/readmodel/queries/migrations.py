"""One migration and lists of migrations, now or as of the snapshot's moment.

A list is read from one index in the order asked for. Where statuses matter, the index is read once a status and the parts
are merged, so that any choice of statuses costs the same. As of a past moment the candidates are those whose present
status had begun by then, and those whose status of then has since changed (`status_change`).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from libs.readmodel.cursor import limited
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.facts import text
from libs.readmodel.folding import in_order, rows_of
from libs.readmodel.migration import MigrationRow
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.queries.selecting import Selection
from libs.readmodel.reading import Snapshot

ENDS = ("cancelled", "completed", "rejected", "rolled_back")
"""Statuses that nothing follows but the archive."""
ARCHIVED = "archived"
SORTS = ("-requested_at", "requested_at", "due_at")


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which migrations are wanted; empty means any."""

    status: tuple[str, ...] = ()
    ended: bool | None = None
    archived: bool = False
    """Those that are archived as well; where a status is named, that alone says which."""
    application: str = ""
    wave: str = ""
    provider: str = ""
    labels: tuple[str, ...] = ()
    """Labels as key=value, all of them."""
    search: str = ""
    """Beginning of the id, the application or a word of it, or the wave; whatever the case."""
    due_before: int = 0
    """Only those due before this time, in microseconds since the epoch."""
    sort: str = "-requested_at"
    """One of SORTS; a search is sorted by the word found instead."""


async def one(snapshot: Snapshot, tenant: str, id_: str) -> MigrationRow | None:
    """A migration; None when there was none by that id."""
    rows = await rows_of(snapshot, "migration", tenant, [id_])
    found: MigrationRow | None = rows.get(id_)
    return found


async def requester(snapshot: Snapshot, tenant: str, id_: str) -> str:
    """Subject that asked for a migration; empty when there is none by that id."""
    sql = "SELECT requested_by FROM migration WHERE tenant = $1 AND id = $2"
    return await snapshot.connection.fetchval(sql, tenant, id_) or ""


async def elsewhere(snapshot: Snapshot, tenant: str, wave: str, ids: Sequence[str]) -> dict[str, str]:
    """Those of some migrations that are there and name another wave, or none; by id."""
    sql = "SELECT id, wave FROM migration WHERE tenant = $1 AND id = ANY($2::text[]) AND wave <> $3"
    return {row["id"]: row["wave"] for row in await snapshot.connection.fetch(sql, tenant, list(ids), wave)}


async def listed(snapshot: Snapshot, tenant: str, wanted: Filter, *, limit: int = 50, cursor: str = "") -> Page:
    """A page of migrations. Raises InvalidQuery."""
    if wanted.sort not in SORTS:
        raise InvalidQuery("sort", f"sort is {wanted.sort!r}; give one of {', '.join(SORTS)}")
    query = (tenant, wanted, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor) if cursor else None
    statuses = await _statuses(snapshot, tenant, wanted)
    selection = Selection(tenant, wanted, statuses, after, snapshot.bounds("migration") if snapshot.at is not None else None)
    found = await selection.fetch(snapshot.connection, limited(limit) + 1)
    keys = {row["id"]: [row["key"], row["requested_at"], row["id"]] for row in found}
    rows = in_order(await rows_of(snapshot, "migration", tenant, list(keys)), list(keys))
    return page_of(snapshot.cursors, query, rows, limit, lambda row: keys[row.id])


async def _statuses(snapshot: Snapshot, tenant: str, wanted: Filter) -> list[str] | None:
    """Statuses wanted; None for any."""
    named = [text(status) for status in dict.fromkeys(wanted.status)]
    ends = (*ENDS, ARCHIVED) if wanted.archived or ARCHIVED in named else ENDS
    if wanted.ended:
        return [status for status in ends if not named or status in named]
    if wanted.ended is None and (named or wanted.archived):
        return named or None
    known = named or await known_statuses(snapshot, tenant)
    if wanted.ended is None:
        return [status for status in known if status != ARCHIVED] if ARCHIVED in known else None
    return [status for status in known if status not in (*ENDS, ARCHIVED)]


async def known_statuses(snapshot: Snapshot, tenant: str) -> list[str]:
    """Every status that a migration of the tenant has had."""
    sql = "SELECT DISTINCT status FROM status_count WHERE tenant = $1 ORDER BY status"
    return [row[0] for row in await snapshot.connection.fetch(sql, tenant)]


def document(row: MigrationRow) -> dict[str, Any]:
    """A row as plain values, its JSON columns parsed."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    for name in ("labels", "depends_on", "limits", "source", "target", "options", "problem", "gate", "no_return", "way_back"):
        plain[name] = msgspec.json.decode(plain[name]) if plain[name] is not None else None
    return plain
