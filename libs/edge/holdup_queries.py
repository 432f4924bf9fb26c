"""The question what holds a migration up (X12), answered with the ids of the events that the answer comes from (X8)."""

from typing import Any

from pydantic import Field

from libs.contracts.topics import commands_of
from libs.domain.holdup import Cause, causes
from libs.domain.holdup.waves import member_causes
from libs.edge.asking import Asked, asked, missing, moment_of
from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.edge.routing import Answer, Call, Outcome, Route
from libs.readmodel.migration import MigrationRow
from libs.readmodel.queries import holdup, migrations, wave_holdup, waves
from libs.readmodel.reading import Snapshot


class AskDocument(Document):
    """Whom or what to ask."""

    kind: str = Field(description="person, role, capacity, time, migration, wave, service or dead_letter")
    id: str = Field(description="Which one; empty for a time")


class CauseDocument(Document):
    """One thing that holds a migration up."""

    code: str = Field(description="Stable name of the cause, e.g. slot_freeze, approval, failed; nothing or ended when there is none")
    reason: str = Field(description="The same in one sentence")
    since: str
    until: str | None = Field(description="When it ends, or is given up, as far as that is known")
    ask: list[AskDocument]
    events: list[str] = Field(description="Ids of the events that it comes from; from these alone it is found again")
    details: dict[str, Any] = Field(description="What a program may want beside that; the names depend on the code")


class Holdup(Document):
    """What holds one migration up."""

    id: str
    moment: str = Field(description="The time that the answer is about")
    causes: list[CauseDocument] = Field(description="Every cause that stands, in the order in which to look at them; never empty")
    wave: list[CauseDocument] = Field(description="Where it waits for its wave: what that says, e.g. which member or wave it waits for")
    position: str


async def one(call: Call) -> Answer:
    """What holds one migration up."""
    async with asked(call) as snapshot:
        row = await migrations.one(snapshot, call.principal.tenant, call.path["id"])
        if row is None:
            raise missing("migration")
        now, found = await _found(call, snapshot, row)
        position = str(snapshot.answered)
        wave = await _wave(snapshot, row) if any(cause.code == "admission" for cause in found) else []
        causes_, wave_ = ([document(cause) for cause in part] for part in (found, wave))
        body = {"id": row.id, "moment": time_of(now), "causes": causes_, "wave": wave_, "position": position}
        return Answer(body, headers={"Event-Position": position})


async def _wave(snapshot: Snapshot, row: MigrationRow) -> list[Cause]:
    wave = await waves.wave(snapshot, row.tenant, row.wave)
    if wave is None:
        return []
    before, ring = await wave_holdup.before(snapshot, wave)
    return member_causes(await wave_holdup.said(snapshot, wave), row.id, before, ring)


async def _found(call: Call, snapshot: Snapshot, row: MigrationRow) -> tuple[int, list[Cause]]:
    facts = await holdup.own(snapshot, row)
    capacity, holder = await holdup.asked_capacity(snapshot, row, facts)
    now = moment_of(call, snapshot, max(row.updated_at, capacity.updated_at if capacity else 0))
    if capacity:
        facts += await holdup.of_capacity(snapshot, capacity, holder, now)
    facts += await holdup.others(snapshot, row, facts)
    letters = await holdup.letters(snapshot, row, commands_of(call.edge.settings.prefix, "migration"), now)
    return now, causes(row.id, facts, now, letters)


def document(cause: Cause) -> dict[str, Any]:
    """A cause as `CauseDocument` describes it."""
    return {
        "code": cause.code,
        "reason": cause.reason,
        "since": time_of(cause.since),
        "until": time_of(cause.until) if cause.until else None,
        "ask": [ask._asdict() for ask in cause.ask],
        "events": list(cause.events),
        "details": dict(cause.details),
    }


ROUTES = (
    Route(
        "GET", "/v1/migrations/{id}/holdup", "getHoldup", "What holds one migration up", "migrations", one,
        {200: Outcome("Every cause that stands", Holdup, headers=("Event-Position",))}, query=Asked, as_of=True,
    ),
)  # fmt: skip
