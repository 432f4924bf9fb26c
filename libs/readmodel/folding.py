"""Rows as of a past position: an aggregate's events up to there, folded by the same function that the projector uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.readmodel.facts import KINDS, stored_fact
from libs.readmodel.projecting import VIEWS
from libs.readmodel.reading import Snapshot
from libs.readmodel.view import load

_EVENTS = """SELECT e.kind, e.partition, e.pos, e.type, e.schema, e.record FROM unnest($3::text[]) AS k (id)
JOIN event e ON e.kind = $1 AND e.tenant = $2 AND e.aggregate = k.id
JOIN unnest($4::int[], $5::bigint[]) AS b (partition, bound) ON b.partition = e.partition AND e.pos < b.bound
WHERE e.version > 0 ORDER BY e.aggregate, e.pos"""


async def rows_of(snapshot: Snapshot, aggregate: str, tenant: str, ids: Sequence[str]) -> dict[str, Any]:
    """Rows of aggregates by id, as of the snapshot's moment; ids that did not exist then are missing."""
    kind = KINDS[aggregate]
    if snapshot.at is None:
        found = await load(snapshot.connection, VIEWS[kind], [(tenant, id_) for id_ in ids])
        return {key[1]: row for key, row in found.items()}
    at = snapshot.at.of(aggregate)
    bounds = [place[1] for place in at], list(at.values())
    rows: dict[str, Any] = {}
    for event in await snapshot.connection.fetch(_EVENTS, kind, tenant, list(ids), *bounds):
        fact = stored_fact(event)
        id_ = fact.envelope.aggregate
        rows[id_] = VIEWS[kind].evolve(rows.get(id_), fact)
    return rows


def in_order(rows: Mapping[str, Any], ids: Sequence[str]) -> list[Any]:
    """Rows in the order of ids."""
    return [rows[id_] for id_ in ids if id_ in rows]
