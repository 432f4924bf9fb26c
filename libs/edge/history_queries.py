"""Questions about one migration's past and present work: timeline, plan, evidence, progress; and counts and work of all."""

from typing import Annotated, Any

import msgspec
from pydantic import Field

from libs.edge.asking import Asked, Fresh, Items, Paged, PagedNow, asked, items, missing, paged
from libs.edge.decisions import Document
from libs.edge.event_documents import EventDocument, event_document, time_of
from libs.edge.migration_queries import PAGE_HEADERS
from libs.edge.routing import STATUS_READERS, Answer, Call, Outcome, Route
from libs.edge.row_documents import MigrationDocument, StepDocument, migration_document, picked
from libs.readmodel.queries import counts, migrations, operations, timeline

TypeName = Annotated[str, Field(pattern=r"^[A-Za-z]{1,60}$")]


class TimelineQuery(Paged):
    """Which events of a migration are listed."""

    type: list[TypeName] = Field(default=[], max_length=30, description="Only events of these types")


class Timeline(Items):
    """A page of events, oldest first."""

    items: list[EventDocument]


class PlanDocument(Document):
    """The frozen plan of a migration."""

    provider: str
    summary: str
    notes: list[str]
    steps: list[StepDocument]
    position: str


class Finding(Document):
    """Evidence that a step left."""

    event_id: str
    step: str
    type: str
    recorded_at: str
    evidence: dict[str, Any]


class Findings(Items):
    """A page of evidence, oldest first."""

    items: list[Finding]


class ProgressDocument(Document):
    """How far one work item is."""

    work_id: str
    step: str
    done: int
    total: int = Field(description="0 when unknown")
    unit: str
    at: str | None


class Progress(Items):
    """How far the work items of a migration are."""

    items: list[ProgressDocument]


class Counts(Document):
    """How many migrations are in each status."""

    counts: dict[str, int]
    total: int
    position: str


class WorkInFlight(Items):
    """Migrations that wait for a worker, earliest deadline first."""

    items: list[MigrationDocument]


async def history(call: Call) -> Answer:
    """Events of one migration."""
    query: TimelineQuery = call.query
    async with asked(call) as snapshot:
        page = await timeline.events(
            snapshot, "migration", call.principal.tenant, call.path["id"], types=tuple(query.type), limit=query.limit, cursor=query.cursor
        )
        if not page.rows and not query.cursor:
            await _require(call, snapshot)
        return paged(call, snapshot, page, lambda fact: event_document("migration", fact.envelope, fact.body))


async def _require(call: Call, snapshot: Any) -> None:
    if await migrations.one(snapshot, call.principal.tenant, call.path["id"]) is None:
        raise missing("migration")


async def plan(call: Call) -> Answer:
    """The frozen plan of one migration."""
    async with asked(call) as snapshot:
        found = await timeline.plan(snapshot, call.principal.tenant, call.path["id"])
        if found is None:
            raise missing("migration, or it has no plan yet")
        steps = [picked(_parsed(step), tuple(StepDocument.model_fields)) for step in msgspec.to_builtins(found.steps)]
        position = str(snapshot.answered)
        body = {"provider": found.provider, "summary": found.summary, "notes": found.notes, "steps": steps, "position": position}
        return Answer(body, headers={"Event-Position": position})


def _parsed(step: dict[str, Any]) -> dict[str, Any]:
    try:
        return step | {"parameters": msgspec.json.decode(step["parameters"] or "{}")}
    except msgspec.DecodeError:
        return step


async def evidence(call: Call) -> Answer:
    """Evidence that the steps of one migration left."""
    async with asked(call) as snapshot:
        page = await timeline.evidence(snapshot, call.principal.tenant, call.path["id"], limit=call.query.limit, cursor=call.query.cursor)
        if not page.rows and not call.query.cursor:
            await _require(call, snapshot)
        return paged(
            call, snapshot, page, lambda row: picked(row._asdict(), Finding.model_fields) | {"recordedAt": time_of(row.recorded_at)}
        )


async def progress(call: Call) -> Answer:
    """How far the work items of one migration are."""
    async with asked(call) as snapshot:
        found = await operations.progress(snapshot, call.principal.tenant, call.path["id"])
        if not found:
            await _require(call, snapshot)
        return items(call, snapshot, [picked(msgspec.to_builtins(one), ProgressDocument.model_fields) for one in found])


async def by_status(call: Call) -> Answer:
    """How many migrations are in each status."""
    async with asked(call) as snapshot:
        found = await counts.by_status(snapshot, call.principal.tenant)
        position = str(snapshot.answered)
        return Answer({"counts": found, "total": sum(found.values()), "position": position}, headers={"Event-Position": position})


async def work(call: Call) -> Answer:
    """What the workers are at."""
    async with asked(call) as snapshot:
        page = await operations.work_in_flight(snapshot, call.principal.tenant, limit=call.query.limit, cursor=call.query.cursor)
        return paged(call, snapshot, page, lambda row: migration_document(migrations.document(row)))


_TAG = "migrations"
_ONE = "/v1/migrations/{id}"
_NOW = ("read_model_unavailable", "read_model_behind")
ROUTES = (
    Route(
        "GET", f"{_ONE}/timeline", "getTimeline", "The history of one migration", _TAG, history,
        {200: Outcome("A page of events", Timeline, headers=PAGE_HEADERS)}, STATUS_READERS, query=TimelineQuery, as_of=True,
    ),
    Route(
        "GET", f"{_ONE}/plan", "getPlan", "The frozen plan of one migration", _TAG, plan,
        {200: Outcome("The plan", PlanDocument, headers=("Event-Position",))}, query=Asked, as_of=True,
    ),
    Route(
        "GET", f"{_ONE}/evidence", "getEvidence", "What the steps of one migration found or did", _TAG, evidence,
        {200: Outcome("A page of findings", Findings, headers=PAGE_HEADERS)}, query=Paged, as_of=True,
    ),
    Route(
        "GET", f"{_ONE}/progress", "getProgress", "How far the work of one migration is", _TAG, progress,
        {200: Outcome("Progress as last reported", Progress, headers=PAGE_HEADERS)}, STATUS_READERS, query=Fresh, problems=_NOW,
    ),
    Route(
        "GET", "/v1/migrations:counts", "countMigrations", "How many migrations are in each status", _TAG, by_status,
        {200: Outcome("The counts", Counts, headers=("Event-Position",))}, query=Asked, as_of=True,
    ),
    Route(
        "GET", "/v1/work", "listWork", "Migrations that wait for a worker, earliest deadline first", _TAG, work,
        {200: Outcome("A page", WorkInFlight, headers=PAGE_HEADERS)}, query=PagedNow, problems=_NOW,
    ),
)  # fmt: skip
