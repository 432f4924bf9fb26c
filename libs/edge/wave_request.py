"""What waves are asked for, as people write it, and which migrations an expression means at this moment."""

from typing import Annotated, NamedTuple

import msgspec
from pydantic import Field

from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.wave.graph import graph_of
from libs.domain.wave.members import NOT_ADMITTED
from libs.edge.asking import Words
from libs.edge.migration_queries import Label, Status
from libs.edge.migration_request import Body
from libs.edge.values import CapacityId, Id, OptionalReason
from libs.readmodel.queries import migrations, waves
from libs.readmodel.reading import Snapshot
from libs.readmodel.wave import state_of

MOST_IN_PAGE = 1_000
_MOST_BYTES = 256 * 1024
_PAGE, _MOST_PAGES = 500, 100
Number = Annotated[int, Field(ge=0, le=10_000)]


class WaveRequest(Body):
    """Under which conditions a wave is moved from now on; what is left out is not asked for."""

    limits: list[CapacityId] = Field(default=[], max_length=32, description="Capacities that every member needs a slot of")
    after: list[Id] = Field(default=[], max_length=20, description="Waves that must be completed first")
    max_failures: Number = Field(default=0, description="How many members may fail before nobody else is admitted")
    max_running: Number = Field(default=0, description="How many members may be on their way at once; 0 for any number")
    description: OptionalReason = Field(default="", description="What the wave is for, for people")

    def settings(self) -> WaveSettings:
        """The conditions as a command has them."""
        return WaveSettings(
            limits=tuple(self.limits),
            after=tuple(self.after),
            max_failures=self.max_failures,
            max_running=self.max_running,
            description=self.description,
        )


class MemberRequest(Body):
    """One migration, and what must be completed before it begins."""

    migration: Id = Field(description="Id of the migration; its request names the wave")
    depends_on: list[Id] = Field(default=[], max_length=100, description="Migrations that must be completed first")


class Expression(Body):
    """Those migrations whose requests name the wave, less those that do not fit. They depend on what their requests name."""

    status: list[Status] = Field(default=[], max_length=20, description="Only in one of these statuses")
    application: Words = Field(default="", description="Only of this application")
    provider: Words = Field(default="", description="Only of this kind")
    label: list[Label] = Field(default=[], max_length=10, description="Only with these labels, as name=value")
    search: Words = Field(default="", description="Beginning of the id, of a word of the application, or of the wave")


class MembersRequest(Body):
    """Who moves with the wave: a list, or an expression, which means those that it finds now and not those to come."""

    members: list[MemberRequest] | None = Field(default=None, min_length=1, max_length=MOST_IN_PAGE, description="By list")
    where: Expression | None = Field(default=None, description="By expression: resolved to a list now; {} for all that name the wave")


class Found(NamedTuple):
    """Members to add; `more` tells that there are others than one command can add."""

    members: tuple[Member, ...]
    more: bool


async def resolved(snapshot: Snapshot, tenant: str, wave: str, where: Expression) -> Found:
    """The migrations that an expression means now and that are not members already, first asked first."""
    state = state_of(await waves.wave(snapshot, tenant, wave))
    graph, found, size, cursor = graph_of(state.pages), list[Member](), 0, ""
    wanted = migrations.Filter(
        status=tuple(where.status),
        application=where.application,
        wave=wave,
        provider=where.provider,
        labels=tuple(where.label),
        search=where.search,
        sort="requested_at",
    )
    for _ in range(_MOST_PAGES):
        page = await migrations.listed(snapshot, tenant, wanted, limit=_PAGE, cursor=cursor)
        for row in page.rows:
            member = Member(migration=row.id, depends_on=msgspec.json.decode(row.depends_on, type=tuple[str, ...]))
            number = graph.index.get(row.id, -1)
            if number >= 0 and (state.members[number] not in NOT_ADMITTED or graph.named[number] == member.depends_on):
                continue
            size += len(row.id) + len(row.depends_on)
            if len(found) == MOST_IN_PAGE or (found and size > _MOST_BYTES):
                return Found(tuple(found), True)
            found.append(member)
        cursor = page.cursor
        if not cursor:
            return Found(tuple(found), False)
    return Found(tuple(found), True)
