"""Commands to migrations: ask for one, and operate it."""

from typing import Any

from pydantic import Field

from libs.contracts.migration import commands as c
from libs.edge.identity import aggregate_id_of
from libs.edge.migration_request import Body, MigrationRequest
from libs.edge.problems import HttpProblem
from libs.edge.routing import ACTORS, OPERATORS, REQUESTERS, Answer, Call, Handler, Route
from libs.edge.submitting import ACCEPTED, DECIDED, Wish, submit
from libs.edge.values import OptionalReason, Reason

_STEP = r"^([a-z][a-z0-9_]{0,63})?$"


class WithReason(Body):
    """Why it is done."""

    reason: Reason = Field(description="Why, for the record")


class MayHaveReason(Body):
    """Why it is done, if there is something to say."""

    reason: OptionalReason = Field(default="", description="Why, for the record")


class Retry(MayHaveReason):
    """Try again."""

    from_step: str = Field(default="", pattern=_STEP, description="Earlier step to go back to; empty to try once more what failed")


async def request(call: Call) -> Answer:
    """Ask for a migration."""
    body: MigrationRequest = call.body
    id_ = body.migration_id or aggregate_id_of(call.principal.tenant, call.wishes.idempotency_key)
    return await submit(call, Wish("migration", id_, body.command(), f"/v1/migrations/{id_}", created=True))


_COMMANDS: dict[str, type[Any]] = {
    "pause": c.PauseMigration,
    "resume": c.ResumeMigration,
    "cancel": c.CancelMigration,
    "rollback": c.RollBackMigration,
    "skip-compensation": c.SkipCompensation,
}


async def operate(call: Call) -> Answer:
    """Send the command that the last part of the path names."""
    await require_owned(call)
    action = call.request.path.rpartition("/")[2]
    if action == "retry":
        return await tell(call, c.RetryMigration(from_step=call.body.from_step, reason=call.body.reason))
    return await tell(call, _COMMANDS[action](reason=call.body.reason))


async def tell(call: Call, command: Any) -> Answer:
    """Send a command to the migration that the path names."""
    id_ = call.path["id"]
    return await submit(call, Wish("migration", id_, command, f"/v1/migrations/{id_}"))


async def require_owned(call: Call, others: frozenset[str] = OPERATORS) -> None:
    """An owner acts only on what they asked for themselves; others' migrations look as if they were not there.

    `others` are the roles that act on everybody's.
    """
    if call.principal.roles & others:
        return
    owner = await call.edge.read_side.requester(call.principal.tenant, call.path["id"])
    if owner != call.principal.subject:
        raise HttpProblem("not_found", "There is no such migration of yours.")


def operation(
    action: str,
    name: str,
    summary: str,
    body: type[Body],
    roles: frozenset[str] = ACTORS,
    handler: Handler = operate,
    problems: tuple[str, ...] = (),
) -> Route:
    """The route of one command to a migration, named by the last part of its path."""
    return Route(
        "POST",
        f"/v1/migrations/{{id}}/{action}",
        name,
        summary,
        "migrations",
        handler,
        {200: DECIDED, 202: ACCEPTED},
        roles,
        body=body,
        command=True,
        problems=("read_model_unavailable", *problems),
    )


ROUTES = (
    Route(
        "POST", "/v1/migrations", "requestMigration", "Ask for something to be moved", "migrations", request,
        {201: DECIDED, 202: ACCEPTED}, REQUESTERS, body=MigrationRequest, command=True, problems=("read_model_unavailable",),
    ),
    operation("pause", "pauseMigration", "Let what is in flight finish, then start nothing further", WithReason),
    operation("resume", "resumeMigration", "Go on after a pause", MayHaveReason),
    operation("cancel", "cancelMigration", "Stop, undo what was done, end as cancelled", WithReason),
    operation("rollback", "rollBackMigration", "Stop, undo what was done, end as rolled back", WithReason),
    operation("retry", "retryMigration", "Try again what failed or is stuck, or go back to a step", Retry),
    operation("skip-compensation", "skipCompensation", "Give up the compensation that is stuck", WithReason, OPERATORS),
)  # fmt: skip
