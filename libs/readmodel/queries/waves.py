"""Waves, now or as of the snapshot's moment, and how their members stand now."""

from collections.abc import Sequence
from typing import Any

import msgspec

from libs.domain.wave.evolving import CANCELLED, COMPLETED, ROLLED_BACK, waits_for
from libs.domain.wave.members import NAMES
from libs.domain.wave.noting import MOST_FOLLOWERS
from libs.domain.wave.views import blocked_of
from libs.readmodel.cursor import limited
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.folding import in_order, rows_of
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.reading import Snapshot
from libs.readmodel.wave import WaveRow, state_of

_NOT_AWAITED = (COMPLETED, CANCELLED, ROLLED_BACK)
_MOST_LOOKED_AT = 1_000
BLOCKED = "blocked"
STATES = (*dict.fromkeys(NAMES.values()), BLOCKED)
"""Ways in which a member can stand; the blocked ones are planned, too."""
_LISTED = "SELECT id FROM wave t WHERE tenant = $1 AND id > $2 {bound} ORDER BY id LIMIT $3"
_BOUND = (
    "AND t.requested_pos < (SELECT b.bound FROM unnest($4::int[], $5::bigint[]) AS b (partition, bound) WHERE b.partition = t.partition)"
)
_MEMBERS = """SELECT number, migration, depends_on, state, since, since_event, reason FROM wave_member
WHERE tenant = $1 AND wave = $2 AND number > $3 {wanted} ORDER BY number LIMIT $4"""


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one member stands."""

    number: int
    """Its place in the order in which members were added."""
    migration: str
    depends_on: tuple[str, ...]
    state: str
    """One of STATES."""
    since: int
    """Since when, in microseconds since the epoch."""
    since_event: str
    """Id of the wave's event since which it stands so."""
    reason: str
    """Why, in words; empty when there is nothing to say."""
    blocked_by: str
    """The nearest member that will not complete by itself; empty unless it is blocked."""


async def wave(snapshot: Snapshot, tenant: str, id_: str) -> WaveRow | None:
    """A wave; None when nobody ever planned it or named it."""
    found: WaveRow | None = (await rows_of(snapshot, "wave", tenant, [id_])).get(id_)
    return found


async def waves(snapshot: Snapshot, tenant: str, *, limit: int = 50, cursor: str = "") -> Page:
    """A page of waves in the order of their names. Raises InvalidQuery."""
    query = ("waves", tenant, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor)[0] if cursor else ""
    bounds = snapshot.bounds("wave") if snapshot.at is not None else ()
    sql = _LISTED.format(bound=_BOUND if bounds else "")
    ids = [row["id"] for row in await snapshot.connection.fetch(sql, tenant, after, limited(limit) + 1, *bounds)]
    rows = in_order(await rows_of(snapshot, "wave", tenant, ids), ids)
    return page_of(snapshot.cursors, query, rows, limit, lambda row: [row.id])


async def circle(snapshot: Snapshot, tenant: str, name: str, after: Sequence[str]) -> list[str]:
    """Waves of which each waits for the next, and the last for the first, when `name` comes after some; empty when there is no such ring."""
    led: dict[str, str] = dict.fromkeys(after, name)
    front = list(led)
    while front and len(led) < _MOST_LOOKED_AT:
        found = await rows_of(snapshot, "wave", tenant, front)
        front = []
        for id_, row in found.items():
            for other in waits_for(state_of(row)) if row.status not in _NOT_AWAITED else ():
                if other == name:
                    return _ring(led, id_, name)
                if other not in led:
                    led[other] = id_
                    front.append(other)
    return []


async def crowded(snapshot: Snapshot, tenant: str, name: str, after: Sequence[str]) -> str:
    """The first of some waves that can be followed by no further one, `name` not among those that follow it; empty when all can."""
    for id_, row in (await rows_of(snapshot, "wave", tenant, list(after))).items():
        followers = state_of(row).followers
        if len(followers) >= MOST_FOLLOWERS and name not in followers:
            return id_
    return ""


def _ring(led: dict[str, str], last: str, name: str) -> list[str]:
    ring = [last]
    while ring[-1] != name:
        ring.append(led[ring[-1]])
    return ring[::-1]


async def members(snapshot: Snapshot, row: WaveRow, *, state: str = "", limit: int = 50, cursor: str = "") -> Page:
    """A page of a wave's members in the order in which they were added, of one state only where one is named. Raises InvalidQuery."""
    if snapshot.at is not None:
        raise InvalidQuery("at", "how members stood in the past is not kept as rows; leave it out, or read the wave's events")
    if state and state not in STATES:
        raise InvalidQuery("state", f"state is {state!r}; give one of {', '.join(STATES)}")
    query = ("members", row.tenant, row.id, state)
    after = snapshot.cursors.decode(query, cursor)[0] if cursor else -1
    blocked = {one.migration: one for one in blocked_of(state_of(row))}
    arguments: list[Any] = [row.tenant, row.id, after, limited(limit) + 1]
    if state:
        arguments.append(list(blocked) if state == BLOCKED else [state])
    wanted = "" if not state else "AND migration = ANY($5::text[])" if state == BLOCKED else "AND state = ANY($5::text[])"
    found = await snapshot.connection.fetch(_MEMBERS.format(wanted=wanted), *arguments)
    rows = [_member(record, blocked.get(record["migration"])) for record in found]
    return page_of(snapshot.cursors, query, rows, limit, lambda member: [member.number])


def _member(record: Any, blocked: Any) -> MemberRow:
    values = dict(record) | {"depends_on": msgspec.json.decode(record["depends_on"], type=tuple[str, ...])}
    if blocked is None:
        return MemberRow(**values, blocked_by="")
    return MemberRow(**values | {"state": BLOCKED, "reason": f"{blocked.by} {blocked.reason}"}, blocked_by=blocked.by)
