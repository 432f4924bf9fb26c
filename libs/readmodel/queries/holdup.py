"""The events that what holds a migration up comes from, now or as of the snapshot's moment: few, however long its history is."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from libs.contracts.envelope import key_of
from libs.contracts.migration.gates import SlotRequested
from libs.domain.capacity.granting import MINUTE_US, MOST_HELD
from libs.domain.holdup import AFTERWARDS, Letter, standing
from libs.domain.holdup.standing import CHANGING, IN_FLIGHT
from libs.domain.slot_policies import holder_of
from libs.readmodel.capacity import CapacityRow
from libs.readmodel.facts import KINDS, Fact, stored_fact
from libs.readmodel.migration import MigrationRow
from libs.readmodel.queries import capacities
from libs.readmodel.reading import Snapshot
from libs.readmodel.slots import HOLDING, WAITING

_COLUMNS = "e.kind, e.partition, e.pos, e.type, e.schema, e.record"
_OWN = f"""SELECT {_COLUMNS} FROM event e WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = $3 AND e.type = ANY($4) AND e.pos < $5
ORDER BY e.pos DESC LIMIT $6"""  # noqa: S608 - made of constants
_LAST = f"""SELECT {_COLUMNS} FROM unnest($3::text[]) AS k (id) CROSS JOIN LATERAL (
    SELECT * FROM event e WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = k.id AND e.version > 0
        AND e.type NOT IN ({", ".join(f"'{kind.__name__}'" for kind in AFTERWARDS)}) AND ($4::int[] IS NULL
        OR e.pos < (SELECT b.bound FROM unnest($4::int[], $5::bigint[]) AS b (partition, bound) WHERE b.partition = e.partition))
    ORDER BY e.pos DESC LIMIT 1) AS e"""  # noqa: S608 - made of constants
_OF = (
    "FROM event e WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = $3 AND e.pos < $4 AND e.type IN ('CapacitySet', 'FreezeOverridden')"
)
_SETTINGS = f"""(SELECT {_COLUMNS} {_OF} AND e.type = 'CapacitySet' AND e.recorded_at > $5)
UNION ALL (SELECT {_COLUMNS} {_OF} AND e.type = 'CapacitySet' AND e.recorded_at <= $5 ORDER BY e.pos DESC LIMIT 1)
UNION ALL (SELECT {_COLUMNS} {_OF} AND e.type = 'FreezeOverridden' ORDER BY e.pos DESC LIMIT 1)"""
_AT = f"SELECT {_COLUMNS} FROM event e WHERE e.kind = $1 AND e.partition = $2 AND e.pos = ANY($3)"  # noqa: S608 - made of constants
_LETTERS = """SELECT d.reader, d.topic, d.partition, d.pos, d.reason, d.read_at FROM dead_letter d
LEFT JOIN dead_letter_resolution r USING (reader, topic, partition, pos)
WHERE d.key = $1 AND d.tenant = $2 AND d.topic = $3 AND d.read_at <= $4 AND (r.resolved_at IS NULL OR r.resolved_at > $4)
ORDER BY d.read_at, d.reader, d.partition, d.pos LIMIT $5"""
_END = 1 << 62
_PAGE = 500
_MOST_LETTERS = 20


async def own(snapshot: Snapshot, row: MigrationRow) -> list[Fact]:
    """Events of a migration that what stands of it depends on, oldest first."""
    kinds = [kind.__name__ for kind in CHANGING]
    bound = _END if snapshot.at is None else snapshot.at.get(("migration", row.partition), 0)
    found = await _backwards(snapshot, row, kinds, bound, lambda facts: False)
    awaited = {work.work_id for work in row.work}

    def complete(facts: Sequence[Fact]) -> bool:
        return awaited <= {_work_id(fact) for fact in facts}

    flying = await _backwards(snapshot, row, [kind.__name__ for kind in IN_FLIGHT], bound, complete) if awaited else []
    latest = {_work_id(fact): fact for fact in reversed(flying) if _work_id(fact) in awaited}
    return sorted([*found, *latest.values()], key=lambda fact: fact.pos)


def _work_id(fact: Fact) -> str:
    found: str = (fact.body.work if isinstance(fact.body, IN_FLIGHT[0]) else fact.body.retry).work_id
    return found


async def _backwards(
    snapshot: Snapshot, row: MigrationRow, types: list[str], before: int, enough: Callable[[Sequence[Fact]], bool]
) -> list[Fact]:
    """Events of these types, latest first, until they are enough or there are no more."""
    found: list[Fact] = []
    while True:
        page = await snapshot.connection.fetch(_OWN, KINDS["migration"], row.tenant, row.id, types, before, _PAGE)
        found += map(stored_fact, page)
        if len(page) < _PAGE or enough(found):
            return found
        before = found[-1].pos


async def asked_capacity(snapshot: Snapshot, row: MigrationRow, facts: Sequence[Fact]) -> tuple[CapacityRow | None, str]:
    """The capacity that a migration waits for a slot of, and the name under which it waits; None when it waits for none."""
    slot = standing(facts).slot
    if slot is None or not isinstance(slot.body, SlotRequested):
        return None, ""
    return await capacities.capacity(snapshot, row.tenant, slot.body.capacity), holder_of(row.id, slot.body.turn)


async def of_capacity(snapshot: Snapshot, row: CapacityRow, holder: str, now: int) -> list[Fact]:
    """Events that a capacity's answer to one that waits for a slot comes from, oldest first."""
    kind, bound = KINDS["capacity"], _END if snapshot.at is None else snapshot.at.get(("capacity", row.partition), 0)
    records = await snapshot.connection.fetch(_SETTINGS, kind, row.tenant, row.id, bound, now - MINUTE_US)
    places = await _stays(snapshot, row, holder, now)
    records += await snapshot.connection.fetch(_AT, kind, row.partition, sorted(place for place in places if place < bound))
    return sorted(map(stored_fact, records), key=lambda fact: fact.pos)


async def _stays(snapshot: Snapshot, row: CapacityRow, holder: str, now: int) -> set[int]:
    """Where it stands who waits ahead and who holds a slot, and what was granted within the last minute."""
    waiting = await capacities.stays(snapshot, row, WAITING, MOST_HELD)
    mine = next((stay.from_pos for stay in waiting if stay.holder == holder), -1)
    holding = await capacities.stays(snapshot, row, HOLDING, MOST_HELD)
    limited = capacities.settings_of(row).limit > 0
    places = {stay.from_pos for stay in waiting if stay.from_pos <= mine}
    places |= {stay.from_pos for stay in holding if limited or stay.holder == holder}
    return places | await capacities.granted_places(snapshot, row, now - MINUTE_US)


async def others(snapshot: Snapshot, row: MigrationRow, facts: Sequence[Fact]) -> list[Fact]:
    """The last event of each migration that one depends on which its wave has not admitted."""
    names = msgspec.json.decode(row.depends_on, type=list[str]) if standing(facts).admission else []
    if not names:
        return []
    at = None if snapshot.at is None else snapshot.at.of("migration")
    bounds: list[Any] = [None, None] if at is None else [[place[1] for place in at], list(at.values())]
    found = await snapshot.connection.fetch(_LAST, KINDS["migration"], row.tenant, names, *bounds)
    return [stored_fact(record) for record in found]


async def letters(snapshot: Snapshot, row: MigrationRow, topic: str, now: int) -> list[Letter]:
    """Commands to a migration that could not be taken, and that nobody had replayed or discarded by then."""
    moment = _END if snapshot.at is None else now
    found = await snapshot.connection.fetch(_LETTERS, key_of(row.tenant, row.id), row.tenant, topic, moment, _MOST_LETTERS)
    return [Letter(f"{r['reader']}_{r['topic']}_{r['partition']}_{r['pos']}", r["reason"], r["read_at"]) for r in found]
