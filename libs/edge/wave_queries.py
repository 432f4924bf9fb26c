"""Questions about waves: their conditions, how they stand, and how each member stands and why."""

from typing import Any, Literal

from pydantic import Field

from libs.domain.wave.views import overview_of
from libs.edge.asking import Asked, Items, Paged, PagedNow, asked, missing, paged, single
from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.edge.migration_queries import ONE_HEADERS, PAGE_HEADERS
from libs.edge.routing import Answer, Call, Outcome, Route
from libs.readmodel.queries import waves
from libs.readmodel.queries.waves import MemberRow
from libs.readmodel.reading import Snapshot
from libs.readmodel.wave import WaveRow, state_of

State = Literal[
    "planned", "ready", "admitted", "running", "failed", "stuck", "undeclared", "rolling_back", "completed", "rolled_back", "cancelled",
    "rejected", "blocked",
]  # fmt: skip


class WaveDocument(Document):
    """One wave: its conditions, and how it stands."""

    id: str
    version: int = Field(description="Version of the aggregate; the entity tag")
    status: str = Field(
        description="unplanned, planned, waiting, running, paused, stopped, rolling_back, rolled_back, cancelled or completed"
    )
    reason: str = Field(description="Why it is paused, stopped, cancelled or rolled back")
    limits: list[str] = Field(description="Capacities that every member needs a slot of")
    after: list[str] = Field(description="Waves that must be completed first")
    waits_for: list[str] = Field(description="Those of them that are not known to be completed")
    max_failures: int = Field(description="How many members may fail before nobody else is admitted")
    max_running: int = Field(description="How many members may be on their way at once; 0 for any number")
    description: str
    members: int = Field(description="How many members it has")
    states: dict[str, int] = Field(description="How many of them stand in which way; the blocked are planned, too")
    failures: int = Field(description="Failures that the budget counts now")
    blocked: int = Field(description="How many planned members wait for one that will not complete by itself")
    updated_at: str
    updated_event: str


class OneWave(WaveDocument):
    """One wave, and the position that the answer reflects."""

    position: str


class Waves(Items):
    """A page of waves."""

    items: list[WaveDocument]


class MemberDocument(Document):
    """How one member stands."""

    migration: str
    state: str = Field(description="How it stands")
    since: str = Field(description="Since when")
    since_event: str = Field(description="Id of the wave's event since which it stands so; of a blocked one, since it is planned")
    reason: str = Field(description="Why, in words; empty when there is nothing to say")
    blocked_by: str = Field(description="The nearest member that will not complete by itself; empty unless it is blocked")
    depends_on: list[str] = Field(description="Migrations that must be completed first")


class WaveMembers(Items):
    """A page of members, in the order in which they were added."""

    items: list[MemberDocument]


class MembersQuery(PagedNow):
    """Which members are listed."""

    state: State | None = Field(default=None, description="Only those that stand so")


def _document(row: WaveRow) -> dict[str, Any]:
    state = state_of(row)
    settings, found = state.settings, overview_of(state)
    return WaveDocument(
        id=row.id,
        version=row.version,
        status=row.status,
        reason=state.reason,
        limits=list(settings.limits),
        after=list(settings.after),
        waits_for=list(found.waits_for),
        max_failures=settings.max_failures,
        max_running=settings.max_running,
        description=settings.description,
        members=len(state.members),
        states=found.members,
        failures=found.failures,
        blocked=found.blocked,
        updated_at=time_of(row.updated_at),
        updated_event=row.updated_event,
    ).model_dump(by_alias=True)


async def listed(call: Call) -> Answer:
    """A page of waves."""
    async with asked(call) as snapshot:
        page = await waves.waves(snapshot, call.principal.tenant, limit=call.query.limit, cursor=call.query.cursor)
        return paged(call, snapshot, page, _document)


async def one(call: Call) -> Answer:
    """One wave."""
    async with asked(call) as snapshot:
        row = await _row(call, snapshot)
        return single(call, snapshot, _document(row), row.version)


async def members(call: Call) -> Answer:
    """A page of members."""
    query: MembersQuery = call.query
    async with asked(call) as snapshot:
        row = await _row(call, snapshot)
        page = await waves.members(snapshot, row, state=query.state or "", limit=query.limit, cursor=query.cursor)
        return paged(call, snapshot, page, _member)


def _member(member: MemberRow) -> dict[str, Any]:
    return MemberDocument(
        migration=member.migration,
        state=member.state,
        since=time_of(member.since),
        since_event=member.since_event,
        reason=member.reason,
        blocked_by=member.blocked_by,
        depends_on=list(member.depends_on),
    ).model_dump(by_alias=True)


async def _row(call: Call, snapshot: Snapshot) -> WaveRow:
    row = await waves.wave(snapshot, call.principal.tenant, call.path["id"])
    if row is None:
        raise missing("wave; nobody planned it, and no migration names it")
    return row


_ONE = "/v1/waves/{id}"
_TAG = "waves"
ROUTES = (
    Route(
        "GET", "/v1/waves", "listWaves", "List waves", _TAG, listed,
        {200: Outcome("A page", Waves, headers=PAGE_HEADERS)}, query=Paged, as_of=True,
    ),
    Route(
        "GET", _ONE, "getWave", "Read one wave, and how many members stand in which way", _TAG, one,
        {200: Outcome("The wave", OneWave, headers=ONE_HEADERS), 304: Outcome("The caller has this version", headers=ONE_HEADERS)},
        query=Asked, as_of=True,
    ),
    Route(
        "GET", f"{_ONE}/members", "listMembers", "List how members stand, and why", _TAG, members,
        {200: Outcome("A page", WaveMembers, headers=PAGE_HEADERS)}, query=MembersQuery,
        problems=("read_model_unavailable", "read_model_behind"),
    ),
)  # fmt: skip
