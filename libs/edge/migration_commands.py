"""Commands to migrations: ask for one, and operate it."""

from typing import Any

from pydantic import Field

from libs.contracts.migration import commands as c
from libs.edge.auth import Principal
from libs.edge.identity import aggregate_id_of
from libs.edge.migration_request import Body, MigrationRequest
from libs.edge.problems import HttpProblem
from libs.edge.routing import ACTORS, OPERATORS, REQUESTERS, Answer, Call, Route
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
    "approve": c.ApproveMigration,
    "refuse": c.RefuseApproval,
}


async def operate(call: Call) -> Answer:
    """Send the command that the last part of the path names."""
    await _require_owned(call)
    action = call.request.path.rpartition("/")[2]
    if action == "approve":
        _require_second_factor(call.principal, call.edge.settings.environment, call.edge.settings.mfa_environments)
    if action == "retry":
        return await _submit(call, c.RetryMigration(from_step=call.body.from_step, reason=call.body.reason))
    return await _submit(call, _COMMANDS[action](reason=call.body.reason))


async def _submit(call: Call, command: Any) -> Answer:
    id_ = call.path["id"]
    return await submit(call, Wish("migration", id_, command, f"/v1/migrations/{id_}"))


async def _require_owned(call: Call) -> None:
    """An owner acts only on what they asked for themselves; others' migrations look as if they were not there."""
    if call.principal.roles & OPERATORS:
        return
    owner = await call.edge.read_side.requester(call.principal.tenant, call.path["id"])
    if owner != call.principal.subject:
        raise HttpProblem("not_found", "There is no such migration of yours.")


def _require_second_factor(principal: Principal, environment: str, environments: str) -> None:
    if environment in environments.split(",") and not principal.mfa:
        raise HttpProblem("mfa_required")


def _operation(action: str, name: str, summary: str, body: type[Body], roles: frozenset[str] = ACTORS) -> Route:
    problems = ("read_model_unavailable", *(("mfa_required",) if action == "approve" else ()))
    outcomes = {200: DECIDED, 202: ACCEPTED}
    return Route(
        "POST",
        f"/v1/migrations/{{id}}/{action}",
        name,
        summary,
        "migrations",
        operate,
        outcomes,
        roles,
        body=body,
        command=True,
        problems=problems,
    )


ROUTES = (
    Route(
        "POST", "/v1/migrations", "requestMigration", "Ask for something to be moved", "migrations", request,
        {201: DECIDED, 202: ACCEPTED}, REQUESTERS, body=MigrationRequest, command=True, problems=("read_model_unavailable",),
    ),
    _operation("pause", "pauseMigration", "Let what is in flight finish, then start nothing further", WithReason),
    _operation("resume", "resumeMigration", "Go on after a pause", MayHaveReason),
    _operation("cancel", "cancelMigration", "Stop, undo what was done, end as cancelled", WithReason),
    _operation("rollback", "rollBackMigration", "Stop, undo what was done, end as rolled back", WithReason),
    _operation("retry", "retryMigration", "Try again what failed or is stuck, or go back to a step", Retry),
    _operation("skip-compensation", "skipCompensation", "Give up the compensation that is stuck", WithReason, OPERATORS),
    _operation("approve", "approveMigration", "Let a migration that awaits approval go on", MayHaveReason),
    _operation("refuse", "refuseApproval", "Refuse the approval; it is rolled back", WithReason),
)  # fmt: skip
