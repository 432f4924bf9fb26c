"""Commands to a migration. Client commands come from ingress; reports and wakes come from workers."""

import msgspec

from libs.contracts.migration.plan import Plan
from libs.contracts.migration.request import Request
from libs.contracts.values import Problem


class RequestMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for something to be moved."""

    request: Request
    """What shall be moved."""


class ReportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The verifier inspected source and target and derived the plan."""

    work_id: str
    """Work item that this answers."""
    attempt: int
    """Attempt that this answers."""
    plan: Plan
    """The plan; without steps when problems forbid one."""
    problems: tuple[Problem, ...] = ()
    """Everything that forbids the migration, all at once."""


class WakeMigration(msgspec.Struct, frozen=True, kw_only=True):
    """The time that the migration asked to be woken at has come."""

    wake_at: int
    """The wake time that this answers, in microseconds since the epoch; stale when the migration waits for another."""


class PauseMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Let what is in flight finish, then start nothing further."""

    reason: str
    """Why, for the record."""


class ResumeMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Go on after a pause."""

    reason: str = ""
    """Why, for the record."""


class CancelMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Stop, undo what was dispatched, and end as cancelled."""

    reason: str
    """Why, for the record."""


class RollBackMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Stop, undo what was dispatched, and end as rolled back."""

    reason: str
    """Why, for the record."""


class RetryMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Try again after a failure, or try a stuck compensation again."""

    from_step: str = ""
    """Name of an earlier step to go back to (what was dispatched since is undone first); empty to try what failed once more."""
    reason: str = ""
    """Why, for the record."""


class SkipCompensation(msgspec.Struct, frozen=True, kw_only=True):
    """Give up the compensation that is stuck and go on with the rest of the rollback."""

    reason: str
    """Why it is safe to leave it undone; on the record for ever."""


class ApproveMigration(msgspec.Struct, frozen=True, kw_only=True):
    """Let a migration that awaits approval go on."""

    reason: str = ""
    """What the approval rests on."""
    on_behalf_of: str = ""
    """Opaque subject id of who handed on the right that is used; empty for one's own."""
    evidence_version: int = 0
    """Version of the migration that was looked at: refused when what the gate rests on has changed since; 0 for as it stands."""
    roles: tuple[str, ...] = ()
    """Roles of who approves, as the token says; written by ingress alone."""
    second_factor: str = ""
    """Claim of the token that proves a second factor, e.g. amr=otp; empty when it proves none. Written by ingress alone."""


class RefuseApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Answer no to a migration that awaits approval; it is rolled back."""

    reason: str
    """Why not."""
