"""Decisions at a go/no-go gate: approve, refuse, hand the right on, waive, and what time does to them.

Four eyes: in prod who asked for a migration lets it pass no gate, neither themselves nor as somebody's delegate. A gate
that asks for several people counts each person once, and each right once.
"""

from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.state import Approvals
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.values import Problem
from libs.domain.decider import Context
from libs.domain.migration.approvals import ANY, SECOND, evidence, lasting, missing
from libs.domain.migration.evolving import PAUSED, evolve, plan_from
from libs.domain.migration.going_forward import LONGEST_MS, fail, wait_over
from libs.domain.migration.lapsing import lapsing
from libs.domain.migration.operating import go_back, not_now, refuse
from libs.domain.migration.way_back import closed

Events = list[Any]
FOUR_EYES = "prod"
"""Environment in which who asked for a migration may not let it pass, and in which every approval takes a second factor."""
ADMIN = "admin"
"""Role that a waiver takes."""
MOST_GATES, MOST_DELEGATIONS = 16, 20
Refusal = tuple[str, str]
_AWAITING = "awaiting_approval"
_NO_FACTOR = (
    "this takes a token that was obtained with a second factor; log in with one and answer over HTTP or by whimbrel, "
    "for a command that is written to the log proves none"
)


def approve(state: State, command: c.ApproveMigration, ctx: Context) -> Events:
    """Say yes. It goes on once as many different people have as the gate asks for."""
    if state.awaiting != "approval":
        return not_now(state, command, _AWAITING)
    lapsed, state = _by_now(state, ctx)
    gate = _gate(state)
    wrong = _objection(state, gate, command, ctx) or _repeated(gate, command, ctx) or _outdated(gate, command, ctx)
    shut = closed(state.way_back, gate.terms, ctx.now)
    if not wrong and shut:
        wrong = shut[:2]
    if wrong:
        return refuse(command, *wrong)
    given = e.ApprovalGiven(
        step=state.step,
        name=_name(state),
        reason=command.reason,
        by=ctx.actor,
        right_of=command.on_behalf_of or ctx.actor,
        missing=max(0, missing(gate) - 1),
        lapses_at=ctx.now + gate.terms.expires_s * SECOND if gate.terms.expires_s else 0,
        evidence_version=command.evidence_version or ctx.version,
        second_factor=command.second_factor,
    )
    return [*lapsed, given, *_passed(evolve(state, given), ctx)]


def _by_now(state: State, ctx: Context) -> tuple[Events, State]:
    """What has lapsed, though the wake that says so may be late, and the state after it."""
    lapsed: Events = list(lapsing(state, ctx.now))
    for event in lapsed:
        state = evolve(state, event)
    return lapsed, state


def _gate(state: State) -> Approvals:
    return state.approvals or Approvals(terms=ANY)


def _name(state: State) -> str:
    return plan_from(state.plan).steps[state.step].name


def _passed(state: State, ctx: Context) -> Events:
    """What follows once nothing is missing. Whoever is paused passes only when it goes on: until then it may lapse."""
    gate = _gate(state)
    if missing(gate) or (state.mode == PAUSED and not lasting(gate)):
        return []
    return wait_over(state, evidence(gate), ctx)


def _objection(state: State, gate: Approvals, command: Any, ctx: Context) -> Refusal | None:
    """Why this person may not answer here; None when they may."""
    if not missing(gate):
        return "already_approved", "nothing is missing at this gate; it is passed once the migration goes on"
    if 0 < gate.answer_by <= ctx.now:
        return "approval_expired", "the time to answer is over: the gate has failed, and the migration goes on as its onFailure says"
    behalf = getattr(command, "on_behalf_of", "")
    if ctx.environment == FOUR_EYES and state.requested_by and state.requested_by in (ctx.actor, behalf):
        return "four_eyes", f"in {FOUR_EYES} nobody lets pass what they asked for themselves; have another person decide"
    if behalf and not any((one.by, one.to) == (behalf, ctx.actor) and one.until > ctx.now for one in gate.delegated):
        return "not_delegated", f"{behalf} has not handed you the right to approve at this gate, or that has ended"
    if not behalf and gate.terms.roles and not set(gate.terms.roles) & set(command.roles):
        return "role_missing", f"this gate takes one of the roles {', '.join(gate.terms.roles)}, proven by your token"
    if (gate.terms.mfa or ctx.environment == FOUR_EYES) and not command.second_factor:
        return "mfa_required", _NO_FACTOR
    return None


def _repeated(gate: Approvals, command: Any, ctx: Context) -> Refusal | None:
    right = getattr(command, "on_behalf_of", "") or ctx.actor
    if any(one.by == ctx.actor for one in gate.given):
        return "already_approved", "you have approved already; another person must"
    if any(one.right_of == right for one in gate.given):
        return "already_approved", f"the right of {right} to approve was used already; another person must approve"
    return None


def _outdated(gate: Approvals, command: c.ApproveMigration, ctx: Context) -> Refusal | None:
    looked_at, since = command.evidence_version, gate.evidence_version
    if looked_at > ctx.version:
        return (
            "evidence_unknown",
            f"there is no version {looked_at} yet, the migration is at version {ctx.version}; name the one you looked at",
        )
    if not 0 < looked_at < since:
        return None
    return "evidence_changed", f"you looked at version {looked_at}, and what the gate rests on has changed with {since}; look again"


def refuse_approval(state: State, command: c.RefuseApproval, ctx: Context) -> Events:
    """Answer no: it is rolled back."""
    if state.awaiting != "approval":
        return not_now(state, command, _AWAITING)
    return go_back(state, command, ctx, intent="rolled_back", code="approval_refused")


def delegate(state: State, command: a.DelegateApproval, ctx: Context) -> Events:
    """Hand one's own right to another person. Whoever of the two uses it first has used it up."""
    if state.awaiting != "approval":
        return not_now(state, command, _AWAITING)
    lapsed, state = _by_now(state, ctx)
    gate = _gate(state)
    wrong = _objection(state, gate, command, ctx) or _repeated(gate, command, ctx) or _until(command.until, ctx)
    if ctx.environment == FOUR_EYES and command.to == state.requested_by:
        wrong = "four_eyes", f"{command.to} asked for this migration, and in {FOUR_EYES} cannot approve it for anybody"
    elif command.to in ("", ctx.actor):
        wrong = "invalid_delegate", "name another person, by their subject id"
    elif len([one for one in gate.delegated if one.by != ctx.actor]) >= MOST_DELEGATIONS:
        wrong = "too_many_delegations", f"{MOST_DELEGATIONS} people have handed on their right at this gate; no more can"
    if wrong:
        return refuse(command, *wrong)
    reason, until = command.reason, command.until
    return [*lapsed, a.ApprovalDelegated(step=state.step, name=_name(state), by=ctx.actor, to=command.to, until=until, reason=reason)]


def waive(state: State, command: a.WaiveApproval, ctx: Context) -> Events:
    """Let it pass without what the gate asks for."""
    if state.awaiting != "approval":
        return not_now(state, command, _AWAITING)
    lapsed, state = _by_now(state, ctx)
    gate = _gate(state)
    # Whoever stands above the gate needs none of its roles.
    above = replace(gate, terms=replace(gate.terms, roles=(ADMIN,)))
    wrong = _objection(state, above, command, ctx) or _until(command.until, ctx)
    if not wrong and not command.reason.strip():
        wrong = "reason_missing", "a waiver needs a reason; say why in reason"
    if wrong:
        return refuse(command, *wrong)
    waived = a.ApprovalWaived(
        step=state.step,
        name=_name(state),
        by=ctx.actor,
        until=command.until,
        reason=command.reason,
        missing=missing(gate),
        second_factor=command.second_factor,
    )
    return [*lapsed, waived, *_passed(evolve(state, waived), ctx)]


def _until(until: int, ctx: Context) -> Refusal | None:
    if ctx.now < until <= ctx.now + LONGEST_MS * 1_000:
        return None
    return "invalid_until", "the end must lie ahead, and at most ten years"


def woken(state: State, ctx: Context) -> Events:
    """Time has come at a gate: approvals lapse, or nobody has answered in time."""
    lapsed, state = _by_now(state, ctx)
    gate = _gate(state)
    if not missing(gate) or not 0 < gate.answer_by <= ctx.now:
        return lapsed
    step = plan_from(state.plan).steps[state.step]
    problem = Problem(code="approval_expired", category="migration", message=f"nobody approved {step.name} in time")
    return [*lapsed, *fail(state, step, "", state.step, problem, ctx)]
