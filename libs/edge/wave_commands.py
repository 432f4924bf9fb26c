"""Commands to waves: their conditions, their members, and what the whole wave is told."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from libs.contracts.wave import commands as c
from libs.contracts.wave.events import MembersAdded
from libs.contracts.wave.plan import Member
from libs.domain.wave.evolving import STARTED
from libs.domain.wave.noting import MOST_FOLLOWERS
from libs.domain.wave.views import rollback_plan
from libs.edge.asking import missing
from libs.edge.decisions import Accepted, Decision, Document
from libs.edge.expanding import wrong
from libs.edge.identity import command_id_of
from libs.edge.migration_commands import MayHaveReason, WithReason
from libs.edge.migration_request import Body
from libs.edge.problems import HttpProblem
from libs.edge.routing import OPERATORS, Answer, Call, Outcome, Route
from libs.edge.submitting import ACCEPTED, DECIDED, Wish, submit
from libs.edge.wave_request import Found, MembersRequest, WaveRequest, resolved
from libs.readmodel.queries import migrations, waves
from libs.readmodel.wave import state_of


class RollbackQuery(BaseModel):
    """Whether it is done or only planned."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, alias="dryRun", description="Answer what it would do, and do nothing")


class Stays(Document):
    """A member that a rollback does nothing about."""

    migration: str
    reason: str = Field(description="Why, in words")


class RollbackPlanned(Document):
    """What rolling back the wave would do now, from what its members really did. Nothing was done."""

    id: str
    version: int = Field(description="Version of the wave that this is about; give it as If-Match to roll back just this")
    possible: bool = Field(description="Whether the wave can be rolled back while it is as it is")
    rolls_back: list[str] = Field(description="Members that are rolled back, dependents before what they depend on")
    stays: list[Stays] = Field(description="Every other member, and why nothing is done about it")
    position: str


class RollBackAnswer(RootModel[Decision | RollbackPlanned]):
    """The decision, or with dryRun the plan."""


class AcceptedMembers(Accepted):
    """Members are on the log, and not decided yet."""

    members: list[str] = Field(description="Migrations that are added: the list, or what the expression meant at this moment")
    more: bool = Field(description="Whether the expression means others, too, than one command can add: send it again")


class DecidedMembers(Decision, AcceptedMembers):
    """Members were added."""


async def plan(call: Call) -> Answer:
    """Set the conditions of a wave."""
    body: WaveRequest = call.body
    if body.after:
        await _require_possible(call, body.after)
    return await _submit(call, c.PlanWave(settings=body.settings()))


async def _require_possible(call: Call, after: list[str]) -> None:
    tenant, id_ = call.principal.tenant, call.path["id"]
    async with call.edge.read_side.snapshot() as snapshot:
        ring = await waves.circle(snapshot, tenant, id_, after)
        crowd = await waves.crowded(snapshot, tenant, id_, after)
    if crowd:
        said = f"{MOST_FOLLOWERS} waves wait for {crowd} already; let this one come after one of those"
        raise wrong(f"/after/{after.index(crowd)}", "too_many_followers", said)
    if ring:
        said = f"each of these waves would wait for the next, and the last for the first: {', '.join(ring)}; take one of them away"
        raise wrong("/after", "circle_of_waves", said)


async def add(call: Call) -> Answer:
    """Add members by list, or those that an expression means now."""
    found = await _members(call)
    answer = await _submit(call, c.AddMembers(members=found.members))
    said = {"members": [member.migration for member in found.members], "more": found.more}
    return answer._replace(body=answer.body.model_dump(by_alias=True) | said)


async def _members(call: Call) -> Found:
    body: MembersRequest = call.body
    if (body.members is None) == (body.where is None):
        raise wrong("", "list_or_expression", "give either members or where")
    if body.members is not None:
        await _require_of_this_wave(call, [one.migration for one in body.members])
        return Found(tuple(Member(migration=one.migration, depends_on=tuple(one.depends_on)) for one in body.members), False)
    assert body.where is not None
    tenant, id_ = call.principal.tenant, call.path["id"]
    # A repeated key means the members that it meant before, whatever the expression would mean now.
    for seen in await call.edge.read_side.decision(tenant, "wave", id_, command_id_of(tenant, call.wishes.idempotency_key)):
        if isinstance(seen.body, MembersAdded):
            return Found(seen.body.members, False)
    async with call.edge.read_side.snapshot() as snapshot:
        found = await resolved(snapshot, tenant, id_, body.where)
    if not found.members:
        raise wrong("/where", "nobody", f"no migration fits that names the wave {id_} in its request and is not a member already")
    return found


async def _require_of_this_wave(call: Call, ids: list[str]) -> None:
    """Raise HttpProblem 422 for a migration that is known to name another wave, or none: it would never hear of its admission."""
    try:
        async with call.edge.read_side.snapshot() as snapshot:
            found = await migrations.elsewhere(snapshot, call.principal.tenant, call.path["id"], ids)
    except HttpProblem as problem:
        if problem.code != "read_model_unavailable":
            raise
        return
    for number, id_ in enumerate(ids):
        if id_ in found:
            named = f"the wave {found[id_]}" if found[id_] else "no wave"
            raise wrong(f"/members/{number}/migration", "another_wave", f"the request of {id_} names {named}; leave it out")


_COMMANDS: dict[str, type[Any]] = {"start": c.StartWave, "pause": c.PauseWave, "resume": c.ResumeWave, "cancel": c.CancelWave}


async def operate(call: Call) -> Answer:
    """Send the command that the last part of the path names."""
    action = call.request.path.rpartition("/")[2]
    return await _submit(call, _COMMANDS[action](reason=call.body.reason))


async def roll_back(call: Call) -> Answer:
    """Roll back those on their way, or say who that would be."""
    if call.query.dry_run:
        return await _rollback_planned(call)
    if not call.body.reason:
        raise wrong("/reason", "missing", "say why the wave is rolled back, for the record")
    return await _submit(call, c.RollBackWave(reason=call.body.reason))


async def _rollback_planned(call: Call) -> Answer:
    async with call.edge.read_side.snapshot() as snapshot:
        row = await waves.wave(snapshot, call.principal.tenant, call.path["id"])
        position = str(snapshot.position)
    if row is None:
        raise missing("wave")
    found = rollback_plan(state_of(row))
    body = RollbackPlanned(
        id=row.id,
        version=row.version,
        possible=row.status in STARTED,
        rolls_back=list(found.told),
        stays=[Stays(migration=migration, reason=reason) for migration, reason in found.stays],
        position=position,
    )
    return Answer(body, headers={"ETag": f'"{row.version}"', "Event-Position": position})


async def _submit(call: Call, command: Any) -> Answer:
    id_ = call.path["id"]
    return await submit(call, Wish("wave", id_, command, f"/v1/waves/{id_}"))


_ONE = "/v1/waves/{id}"
_TAG = "waves"
_BEHIND = ("read_model_unavailable",)
_OUTCOMES = {200: DECIDED, 202: ACCEPTED}


def _operation(action: str, summary: str, body: type[Body]) -> Route:
    return Route(
        "POST", f"{_ONE}/{action}", f"{action}Wave", summary, _TAG, operate, _OUTCOMES, OPERATORS,
        body=body, command=True, problems=_BEHIND,
    )  # fmt: skip


ROUTES = (
    Route(
        "PUT", _ONE, "planWave", "Set under which conditions a wave is moved", _TAG, plan, _OUTCOMES, OPERATORS,
        body=WaveRequest, command=True, key_required=False, problems=_BEHIND,
    ),
    Route(
        "POST", f"{_ONE}/members", "addMembers", "Add members by list or by expression", _TAG, add,
        {200: Outcome(DECIDED.description, DecidedMembers, headers=DECIDED.headers),
         202: Outcome(ACCEPTED.description, AcceptedMembers, headers=ACCEPTED.headers)},
        OPERATORS, body=MembersRequest, command=True, problems=_BEHIND,
    ),
    _operation("start", "Admit members, in the order of what depends on what", MayHaveReason),
    _operation("pause", "Admit nobody, and pause those on their way", WithReason),
    _operation("resume", "Go on; the failures so far are accepted", MayHaveReason),
    _operation("cancel", "Admit nobody, and cancel everybody who has not ended", WithReason),
    Route(
        "POST", f"{_ONE}/rollback", "rollBackWave", "Roll back those on their way, or say first who that would be", _TAG, roll_back,
        {200: Outcome("Decided, or with dryRun planned", RollBackAnswer, headers=DECIDED.headers), 202: ACCEPTED},
        OPERATORS, query=RollbackQuery, body=MayHaveReason, command=True, problems=_BEHIND,
    ),
)  # fmt: skip
