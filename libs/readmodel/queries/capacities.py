"""Capacities, and who holds and who waits in them; now, or as of the snapshot's moment."""

from typing import Any

import msgspec

from libs.contracts.capacity import CapacitySettings
from libs.readmodel.capacity import CapacityRow
from libs.readmodel.cursor import limited
from libs.readmodel.folding import in_order, rows_of
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.reading import Snapshot

_LISTED = "SELECT id FROM capacity t WHERE tenant = $1 AND id > $2 {bound} ORDER BY id LIMIT $3"
_BOUND = (
    "AND t.requested_pos < (SELECT b.bound FROM unnest($4::int[], $5::bigint[]) AS b (partition, bound) WHERE b.partition = t.partition)"
)
_SHOWN = "holder, state, since, waited_us, from_pos"
_NOW = f"""SELECT {_SHOWN} FROM capacity_slot WHERE tenant = $1 AND capacity = $2 AND state = $3 AND from_pos > $4 AND to_pos IS NULL
ORDER BY from_pos LIMIT $5"""  # noqa: S608 - made of constants
_THEN = f"""SELECT {_SHOWN} FROM (
    (SELECT {_SHOWN} FROM capacity_slot WHERE tenant = $1 AND capacity = $2 AND state = $3 AND from_pos > $4 AND from_pos < $6
        AND to_pos IS NULL ORDER BY from_pos LIMIT $5)
    UNION ALL
    (SELECT s.* FROM generate_series(1, 62) AS l (level) CROSS JOIN LATERAL (
        SELECT {_SHOWN} FROM capacity_slot t WHERE t.tenant = $1 AND t.capacity = $2 AND t.state = $3 AND t.level = l.level
            AND t.from_pos > greatest($4, $6 - (1::bigint << l.level)) AND t.from_pos < $6 AND t.to_pos IS NOT NULL AND t.to_pos >= $6
        ORDER BY t.from_pos LIMIT $5) AS s)
) AS found ORDER BY from_pos LIMIT $5"""  # noqa: S608 - made of constants
_GRANTED = """SELECT since FROM capacity_slot WHERE tenant = $1 AND capacity = $2 AND state = 'holding' AND since >= $3
    AND ($4::bigint IS NULL OR from_pos < $4) ORDER BY since DESC LIMIT $5"""

_PLACES = """SELECT from_pos, to_pos FROM capacity_slot WHERE tenant = $1 AND capacity = $2 AND state = 'holding' AND since >= $3
    AND from_pos < $4"""


class SlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """One migration that holds a slot or waits for one. Times are microseconds since the epoch."""

    holder: str
    state: str
    """holding or waiting."""
    since: int
    """Since when it is in this state."""
    waited_us: int
    """How long it waited before it held the slot, in microseconds."""
    from_pos: int


async def capacity(snapshot: Snapshot, tenant: str, id_: str) -> CapacityRow | None:
    """A capacity; None when nobody ever set it or asked it for a slot."""
    found: CapacityRow | None = (await rows_of(snapshot, "capacity", tenant, [id_])).get(id_)
    return found


async def capacities(snapshot: Snapshot, tenant: str, *, limit: int = 50, cursor: str = "") -> Page:
    """A page of capacities in the order of their ids. Raises InvalidQuery."""
    query = ("capacities", tenant, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor)[0] if cursor else ""
    bounds = snapshot.bounds("capacity") if snapshot.at is not None else ()
    sql = _LISTED.format(bound=_BOUND if bounds else "")
    ids = [row["id"] for row in await snapshot.connection.fetch(sql, tenant, after, limited(limit) + 1, *bounds)]
    rows = in_order(await rows_of(snapshot, "capacity", tenant, ids), ids)
    return page_of(snapshot.cursors, query, rows, limit, lambda row: [row.id])


async def slots(snapshot: Snapshot, tenant: str, row: CapacityRow, state: str, *, limit: int = 50, cursor: str = "") -> Page:
    """A page of those who hold a slot, or wait for one, first come first. Raises InvalidQuery."""
    query = ("slots", tenant, row.id, state, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor)[0] if cursor else -1
    arguments: list[Any] = [tenant, row.id, state, after, limited(limit) + 1]
    bound = _bound(snapshot, row)
    found = await snapshot.connection.fetch(_NOW if bound is None else _THEN, *arguments, *([] if bound is None else [bound]))
    rows = [SlotRow(**dict(record)) for record in found]
    return page_of(snapshot.cursors, query, rows, limit, lambda slot: [slot.from_pos])


async def granted_since(snapshot: Snapshot, tenant: str, row: CapacityRow, moment: int) -> list[int]:
    """When slots were granted after a moment, oldest first; as many as its rate per minute, the latest of them."""
    rate = settings_of(row).per_minute
    if not rate:
        return []
    found = await snapshot.connection.fetch(_GRANTED, tenant, row.id, max(moment + 1, row.rate_since), _bound(snapshot, row), rate)
    return [record["since"] for record in reversed(found)]


async def stays(snapshot: Snapshot, row: CapacityRow, state: str, most: int) -> list[SlotRow]:
    """All who hold a slot, or wait for one, first come first; at most so many."""
    bound = _bound(snapshot, row)
    arguments = (row.tenant, row.id, state, -1, most, *([] if bound is None else [bound]))
    return [SlotRow(**dict(record)) for record in await snapshot.connection.fetch(_NOW if bound is None else _THEN, *arguments)]


async def granted_places(snapshot: Snapshot, row: CapacityRow, moment: int) -> set[int]:
    """Offsets of the events by which slots were granted after a moment, and given back since; none where no rate is kept."""
    if not settings_of(row).per_minute:
        return set()
    bound = _bound(snapshot, row)
    found = await snapshot.connection.fetch(_PLACES, row.tenant, row.id, moment + 1, 1 << 62 if bound is None else bound)
    return {place for record in found for place in record if place is not None}


def settings_of(row: CapacityRow) -> CapacitySettings:
    """What a capacity allows."""
    return msgspec.json.decode(row.settings, type=CapacitySettings)


def _bound(snapshot: Snapshot, row: CapacityRow) -> int | None:
    return None if snapshot.at is None else snapshot.at.get(("capacity", row.partition), 0)
