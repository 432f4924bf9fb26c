"""Who holds and who waits, now and at any moment of the past, is what the decider's own state was then (X1, O22)."""

from random import Random  # noqa: TID251 - always seeded
from typing import Any

from libs.contracts.capacity import CapacityState
from libs.domain.capacity import DECIDER
from libs.domain.capacity.evolving import read as name_of
from libs.readmodel.facts import KINDS, stored_fact
from libs.readmodel.queries import capacities
from libs.readmodel.reading import ReadModel, Snapshot
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.stories import CAPACITIES, TENANTS, limit

_EVENTS = "SELECT * FROM event WHERE kind = $1 AND tenant = $2 AND aggregate = $3 AND version > 0 AND pos < $4 ORDER BY pos"


async def states(snapshot: Snapshot, tenant: str, id_: str, bound: int) -> CapacityState:
    """The decider's state before a position."""
    state = DECIDER.initial
    for row in await snapshot.connection.fetch(_EVENTS, KINDS["capacity"], tenant, id_, bound):
        state = DECIDER.evolve(state, stored_fact(row).body)
    return state


async def told(snapshot: Snapshot, tenant: str, row: Any, state: str) -> list[str]:
    """Everybody in a state, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await capacities.slots(snapshot, tenant, row, state, limit=3, cursor=cursor)
        found += [slot.holder for slot in page.rows]
        cursor = page.cursor
        if not cursor:
            return found


async def agrees(snapshot: Snapshot, tenant: str, id_: str) -> int:
    """Compare a capacity with the fold of its events; returns how many hold or wait."""
    row = await capacities.capacity(snapshot, tenant, id_)
    if row is None:
        return 0
    bound = (1 << 62) if snapshot.at is None else snapshot.at["capacity", row.partition]
    state = await states(snapshot, tenant, id_, bound)
    assert (row.held, row.queued, row.override_until, row.wake_at) == (state.held, state.queued, state.override_until, state.wake_at)
    assert await told(snapshot, tenant, row, "holding") == [name_of(word) for word in state.holders.split()]
    assert await told(snapshot, tenant, row, "waiting") == [name_of(word.partition(b"\t")[0]) for word in state.queue.split(b"\n") if word]
    granted = await capacities.granted_since(snapshot, tenant, row, 0)
    assert b"".join(at.to_bytes(8) for at in granted) == state.recent
    return state.held + state.queued


async def test_every_moment_is_what_it_was_X1(writer: LogWriter, read: ReadModel, project: Any) -> None:
    chance = Random(7)
    for _ in range(400):
        limit(writer, chance)
    writer.flush()
    await project(max_batch=23)
    seen = 0
    for _ in range(25):
        async with read.snapshot() as snapshot:
            for place, end in snapshot.position.items():
                snapshot.position[place] = chance.randrange(end + 1)
            past = snapshot.position
        for at in (past, None):
            async with read.snapshot(at) as snapshot:
                ids = {tenant: (await capacities.capacities(snapshot, tenant, limit=2)) for tenant in TENANTS}
                assert all(len(page.rows) <= 2 for page in ids.values())
                for tenant in TENANTS:
                    seen += sum([await agrees(snapshot, tenant, id_) for id_ in CAPACITIES])
    assert seen > 100
