"""How members of a wave stand is what the decider's own state says: page by page, by state, and the wave at any moment (O17, X1)."""

import time
from random import Random  # noqa: TID251 - always seeded
from typing import Any

import pytest

from libs.contracts.wave import commands as w
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.wave.views import blocked_of, overview_of, standing_of
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.queries import waves
from libs.readmodel.reading import ReadModel, Snapshot
from libs.readmodel.wave import state_of
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.stories import TENANTS, WAVES, move_together

MANY = 10_000


async def told(snapshot: Snapshot, row: Any, state: str = "", limit: int = 3) -> list[waves.MemberRow]:
    """All members in a state, page by page."""
    found: list[waves.MemberRow] = []
    cursor = ""
    while True:
        page = await waves.members(snapshot, row, state=state, limit=limit, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if not cursor:
            return found


async def test_members_stand_as_the_decider_has_them_O17(writer: LogWriter, read: ReadModel, project: Any) -> None:
    chance, blocked_ones = Random(3), 0
    for _ in range(160):
        move_together(writer, chance)
    writer.flush()
    await project(max_batch=31)
    async with read.snapshot() as snapshot:
        for tenant in TENANTS:
            assert [row.id for row in (await waves.waves(snapshot, tenant)).rows] == list(WAVES)
            for id_ in WAVES:
                row, state = await waves.wave(snapshot, tenant, id_), writer.states["wave", tenant, id_]
                assert row is not None
                assert overview_of(state_of(row)) == overview_of(state)
                blocked = {one.migration: one.by for one in blocked_of(state)}
                expected = [(one, "blocked" if one in blocked else name, blocked.get(one, "")) for one, name in standing_of(state)]
                found = await told(snapshot, row)
                assert [(member.migration, member.state, member.blocked_by) for member in found] == expected
                assert [member for member in found if member.state == "blocked"] == await told(snapshot, row, "blocked")
                done = [member.migration for member in found if member.state == "completed"]
                assert [member.migration for member in await told(snapshot, row, "completed")] == done
                blocked_ones += len(blocked)
    assert blocked_ones > 0


async def test_a_wave_is_told_as_of_any_moment_and_its_members_only_now_X1(writer: LogWriter, read: ReadModel, project: Any) -> None:
    writer.tell("wave", "acme", "w1", w.PlanWave(settings=WaveSettings()))
    writer.tell("wave", "acme", "w1", w.AddMembers(members=(Member(migration="a"), Member(migration="b", depends_on=("a",)))))
    writer.flush()
    await project()
    past = await read.position()
    writer.tell("wave", "acme", "w1", w.StartWave())
    writer.tell("wave", "acme", "w1", w.NoteMember(migration="a", outcome="failed", reason="copy: the disk is full"))
    writer.flush()
    await project()

    async with read.snapshot(past) as snapshot:
        then = await waves.wave(snapshot, "acme", "w1")
        assert then is not None
        assert (then.status, overview_of(state_of(then)).members) == ("planned", {"planned": 2})
        with pytest.raises(InvalidQuery, match="in the past"):
            await waves.members(snapshot, then)
    async with read.snapshot() as snapshot:
        now = await waves.wave(snapshot, "acme", "w1")
        assert now is not None
        first, second = await told(snapshot, now)
        with pytest.raises(InvalidQuery, match="give one of planned, ready"):
            await waves.members(snapshot, now, state="lost")
    assert (first.state, first.reason, first.since_event != "") == ("failed", "copy: the disk is full", True)
    assert (second.state, second.blocked_by, second.depends_on) == ("blocked", "a", ("a",))
    assert second.reason == "a has failed and is held: retry it or roll it back"


async def test_ten_thousand_members_are_projected_in_seconds_O17(writer: LogWriter, read: ReadModel, project: Any) -> None:
    writer.tell("wave", "acme", "w1", w.PlanWave(settings=WaveSettings()))
    for start in range(0, MANY, 1_000):
        page = tuple(Member(migration=f"m{n}", depends_on=(f"m{n // 2}",) if n else ()) for n in range(start, start + 1_000))
        writer.tell("wave", "acme", "w1", w.AddMembers(members=page))
    writer.tell("wave", "acme", "w1", w.StartWave())
    for number in range(300):
        writer.tell("wave", "acme", "w1", w.NoteMember(migration=f"m{number}", outcome="completed"))
    writer.flush()
    begun = time.process_time()
    await project(max_batch=50)

    assert time.process_time() - begun < 10
    async with read.snapshot() as snapshot:
        row = await waves.wave(snapshot, "acme", "w1")
        assert row is not None
        found = await told(snapshot, row, limit=500)
    assert [(member.migration, member.state) for member in found] == list(standing_of(writer.states["wave", "acme", "w1"]))
