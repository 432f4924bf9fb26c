"""Questions about migrations."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from libs.domain.holdup import standing
from libs.edge.asking import Asked, Items, Paged, Words, asked, micros_of, missing, paged, single
from libs.edge.gate_documents import evidence_documents
from libs.edge.routing import STATUS_READERS, Answer, Call, Outcome, Route
from libs.edge.row_documents import MigrationDocument, OneMigration, migration_document
from libs.edge.values import Moment
from libs.readmodel.queries import holdup, migrations

Status = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}=[^\x00]{0,255}$")]


class ListQuery(Paged):
    """Which migrations are listed."""

    status: list[Status] = Field(default=[], max_length=20, description="Only in one of these statuses")
    ended: bool | None = Field(default=None, description="Only those that have ended, or only those that have not")
    archived: bool = Field(default=False, description="Those that are archived as well; where a status is named, that alone says which")
    application: Words = Field(default="", description="Only of this application")
    wave: Words = Field(default="", description="Only of this wave")
    provider: Words = Field(default="", description="Only of this kind")
    label: list[Label] = Field(default=[], max_length=10, description="Only with these labels, as name=value")
    search: Words = Field(default="", description="Beginning of the id, of a word of the application, or of the wave")
    due_before: Moment | None = Field(default=None, description="Only those due before this time (RFC 3339)")
    sort: Literal["-requested_at", "requested_at", "due_at"] = Field(default="-requested_at", description="Order; - means latest first")


class Migrations(Items):
    """A page of migrations."""

    items: list[MigrationDocument]


async def listed(call: Call) -> Answer:
    """A page of migrations."""
    query: ListQuery = call.query
    wanted = migrations.Filter(
        status=tuple(query.status),
        ended=query.ended,
        archived=query.archived,
        application=query.application,
        wave=query.wave,
        provider=query.provider,
        labels=tuple(query.label),
        search=query.search,
        due_before=_micros(query.due_before),
        sort=query.sort,
    )
    async with asked(call) as snapshot:
        page = await migrations.listed(snapshot, call.principal.tenant, wanted, limit=query.limit, cursor=query.cursor)
        return paged(call, snapshot, page, lambda row: migration_document(migrations.document(row)))


def _micros(moment: datetime | None) -> int:
    return max(1, min(micros_of(moment), 2**62)) if moment else 0


async def one(call: Call) -> Answer:
    """One migration."""
    async with asked(call) as snapshot:
        row = await migrations.one(snapshot, call.principal.tenant, call.path["id"])
        if row is None:
            raise missing("migration")
        found = migration_document(migrations.document(row))
        rests_on = standing(await holdup.own(snapshot, row)).evidence if row.gate else ()
        return single(call, snapshot, found | {"evidence": evidence_documents(rests_on)}, row.version)


PAGE_HEADERS = ("Event-Position", "Link")
ONE_HEADERS = ("Event-Position", "ETag")
ROUTES = (
    Route(
        "GET", "/v1/migrations", "listMigrations", "List migrations", "migrations", listed,
        {200: Outcome("A page", Migrations, headers=PAGE_HEADERS)}, query=ListQuery, as_of=True,
    ),
    Route(
        "GET", "/v1/migrations/{id}", "getMigration", "Read one migration", "migrations", one,
        {200: Outcome("The migration", OneMigration, headers=ONE_HEADERS), 304: Outcome("The caller has this version", headers=ONE_HEADERS)},
        STATUS_READERS, query=Asked, as_of=True,
    ),
)  # fmt: skip
