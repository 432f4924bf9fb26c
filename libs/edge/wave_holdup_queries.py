"""The question what holds a whole wave up (X12): the wave itself, and every member that has not ended, what matters most first."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from libs.contracts.topics import commands_of
from libs.domain.holdup.cause import CAPACITY, MIGRATION, Ask, Cause, listed
from libs.domain.holdup.waves import Said, wave_causes
from libs.edge.asking import Items, PagedNow, asked, items, missing
from libs.edge.capacity_queries import held_back
from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.edge.holdup_queries import AskDocument, CauseDocument, document
from libs.edge.migration_queries import PAGE_HEADERS
from libs.edge.routing import Answer, Call, Outcome, Route
from libs.readmodel.queries import capacities, wave_holdup, waves
from libs.readmodel.queries.page import page_of
from libs.readmodel.queries.wave_holdup import Held
from libs.readmodel.reading import Snapshot
from libs.runtime.clock import now_us

_MOST_CAPACITIES = 20


class HeldDocument(Document):
    """What holds one member up."""

    migration: str
    code: str = Field(description="Stable name of the cause, e.g. failed, blocked, slot, approval, dependency, work")
    reason: str = Field(description="The same in one sentence")
    since: str
    until: str | None = Field(description="When it ends, or is given up, as far as that is known")
    ask: list[AskDocument]
    events: list[str] = Field(description="Ids of the events that say so: the wave's, and the migration's last one")


class WaveHoldup(Items):
    """What holds one wave up."""

    id: str
    status: str = Field(description="How the wave stands")
    moment: str = Field(description="The time that the answer is about")
    causes: list[CauseDocument] = Field(description="What holds up the wave itself, and the capacities that members wait for")
    counts: dict[str, int] = Field(description="Members that have not ended, by what holds them up")
    ended: int = Field(description="Members that have ended")
    items: list[HeldDocument] = Field(description="A page of members that have not ended, what matters most first")


async def one(call: Call) -> Answer:
    """What holds one wave up."""
    async with asked(call) as snapshot:
        tenant, now = call.principal.tenant, now_us()
        row = await waves.wave(snapshot, tenant, call.path["id"])
        if row is None:
            raise missing("wave; nobody planned it, and no migration names it")
        said = await wave_holdup.said(snapshot, row)
        before, ring = await wave_holdup.before(snapshot, row)
        found = await wave_holdup.held(snapshot, row, commands_of(call.edge.settings.prefix, "migration"), now)
        causes = [*wave_causes(said, before, ring), *await _capacities(snapshot, tenant, said, found, now)]
        query = ("wave-holdup", tenant, row.id)
        after = tuple(snapshot.cursors.decode(query, call.query.cursor)) if call.query.cursor else (-1, -1)
        rest = [member for member in found if member.key > after]
        page = page_of(snapshot.cursors, query, rest, call.query.limit, lambda member: list(member.key))
        answer = items(call, snapshot, [_held(member) for member in page.rows], page.cursor)
        counts = Counter(member.code for member in found)
        body = {"id": row.id, "status": row.status, "moment": time_of(now), "causes": [document(cause) for cause in causes]}
        return answer._replace(body=answer.body | body | {"counts": counts, "ended": len(said.state.members) - len(found)})


async def _capacities(snapshot: Snapshot, tenant: str, wave: Said, found: Sequence[Held], now: int) -> list[Cause]:
    """For each capacity that members wait for a slot of: why it grants none, and how many wait."""
    waiting: dict[str, list[Held]] = {}
    for member in found:
        if member.code == "slot":
            waiting.setdefault(member.ask, []).append(member)
    most = sorted(waiting, key=lambda name: -len(waiting[name]))[:_MOST_CAPACITIES]
    return [await _capacity(snapshot, tenant, wave, name, waiting[name], now) for name in most]


async def _capacity(snapshot: Snapshot, tenant: str, wave: Said, name: str, members: Sequence[Held], now: int) -> Cause:
    row = await capacities.capacity(snapshot, tenant, name)
    why = await held_back(snapshot, row, now) if row is not None else None
    words = why.reason if why is not None and why.reason else "one is free, and goes to those who wait in their order"
    return Cause(
        code=f"slot_{why.code or 'free'}" if why is not None else "slot_asked",
        reason=f"{len(members):,} of its members wait for a slot of {name}: {words} ({listed([one.migration for one in members])})",
        since=min(member.since for member in members),
        until=why.opens_at if why is not None else 0,
        ask=(Ask(CAPACITY, name),),
        events=((row.updated_event,) if row is not None else ()) + tuple(one.events[-1] for one in members[:5]),
        details={"wave": wave.name, "capacity": name, "members": len(members)},
    )


def _held(member: Held) -> dict[str, Any]:
    kind = CAPACITY if member.code == "slot" else MIGRATION
    return {
        "migration": member.migration,
        "code": member.code,
        "reason": member.reason,
        "since": time_of(member.since),
        "until": time_of(member.until) if member.until else None,
        "ask": [Ask(kind, member.ask or member.migration)._asdict()],
        "events": list(member.events),
    }


ROUTES = (
    Route(
        "GET", "/v1/waves/{id}/holdup", "getWaveHoldup", "What holds a whole wave up", "waves", one,
        {200: Outcome("What holds it up, and a page of its members", WaveHoldup, headers=PAGE_HEADERS)}, query=PagedNow,
        problems=("read_model_unavailable", "read_model_behind"),
    ),
)  # fmt: skip
