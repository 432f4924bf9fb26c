"""Events of a migration: what happened, in the past tense. Only the validator writes them."""

import msgspec

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import Plan
from libs.contracts.migration.request import Request
from libs.contracts.values import Evidence, Problem
from libs.contracts.work import Work


class MigrationRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A migration was asked for; the verifier now inspects source and target and plans it."""

    request: Request
    """What shall be moved."""
    requested_by: str = ""
    """Opaque subject id of who asked for it; never a name or an address."""


class WorkDispatched(msgspec.Struct, frozen=True, kw_only=True):
    """A worker must now do something; from here on an act counts as possibly done."""

    work: Work
    """The work item."""
    name: str
    """Name of the step; empty for planning."""
    phase: str
    """Status that the migration is shown with from here on."""
    point_of_no_return: bool
    """True when this dispatch makes rollback impossible."""


class MigrationRejected(msgspec.Struct, frozen=True, kw_only=True):
    """Prerequisites do not hold; nothing was touched and nothing will be."""

    problems: tuple[Problem, ...]
    """Everything that forbids the migration, all at once."""
    archive_at: int = 0
    """When it leaves live state and is archived, in microseconds since the epoch; 0 for never."""


class MigrationPlanned(msgspec.Struct, frozen=True, kw_only=True):
    """The plan is frozen: later releases and later facts never change it."""

    plan: Plan
    """What will be done, step by step."""


class ChunkSucceeded(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk of a chunked step is done."""

    work_id: str
    """Work item that ended."""
    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    chunk: str
    """Index of the chunk in decimal digits."""
    evidence: Evidence
    """What was found or done."""


class StepSucceeded(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the plan ended well."""

    work_id: str
    """Work item that ended; empty for a wait."""
    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    evidence: Evidence
    """What was found or done."""


class AttemptFailed(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed and the same work is tried again."""

    problem: Problem
    """Why it failed."""
    retry: Work
    """The same work with its next attempt, fence and start time."""
    name: str
    """Name of the step; empty for planning."""


class StepFailed(msgspec.Struct, frozen=True, kw_only=True):
    """A step failed for good: its last attempt, or one that no repetition can mend."""

    work_id: str
    """Work item that failed; empty for a wait."""
    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    problem: Problem
    """Why it failed."""
    held: bool
    """True when the migration now waits for an operator instead of rolling back."""


class WaitStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The migration waits for a time to come."""

    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    until: int
    """When the wait ends, in microseconds since the epoch."""


class ApprovalRequested(msgspec.Struct, frozen=True, kw_only=True):
    """The migration waits for a person to approve what follows."""

    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    expires_at: int
    """When the gate has failed unless it was approved by then, in microseconds since the epoch; 0 for never."""
    terms: ApprovalTerms | None = None
    """What it takes to pass; null when anybody who may answer approvals can let it pass."""
    evidence_version: int = 0
    """Version of the migration from which on everything that the gate rests on is known."""


class ApprovalGiven(msgspec.Struct, frozen=True, kw_only=True):
    """A person said yes; the migration goes on once as many as the gate asks for have."""

    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    reason: str
    """What the approval rests on."""
    by: str = ""
    """Opaque subject id of who approved."""
    right_of: str = ""
    """Opaque subject id of whose right was used: the approver's own, or that of who handed it on."""
    missing: int = 0
    """How many more must approve."""
    lapses_at: int = 0
    """When it lapses unless what it is for has begun, in microseconds since the epoch; 0 for never."""
    evidence_version: int = 0
    """Version of the migration that was approved."""
    second_factor: str = ""
    """Claim of the token that proved a second factor; empty when none did."""


class MigrationPaused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing further starts until it is resumed; what is in flight finishes."""

    reason: str
    """Why."""


class MigrationResumed(msgspec.Struct, frozen=True, kw_only=True):
    """The pause is over."""

    reason: str
    """Why."""
    phase: str
    """Status that the migration is shown with again."""


class RetryRequested(msgspec.Struct, frozen=True, kw_only=True):
    """An operator asked for what failed, or a stuck compensation, to be tried again."""

    reason: str
    """Why."""


class StopRequested(msgspec.Struct, frozen=True, kw_only=True):
    """The migration is to go back; first everything in flight must come to rest."""

    intent: str
    """What going back ends in: cancelled, rolled_back, or retry (go forward again from to_step)."""
    to_step: int
    """Index of the earliest step to undo."""
    reason: str
    """Why, in one sentence."""
    code: str
    """Stable code of the cause, e.g. step_failed, cancelled, approval_refused."""
    settle_by: int
    """When items in flight that reported nothing count as unknown, in microseconds since the epoch; 0 when none are in flight."""


class WorkSettled(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was in flight when the migration was stopped has come to rest."""

    work_id: str
    """Work item that came to rest."""
    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    outcome: str
    """succeeded, failed, stopped, or unknown when nothing was reported in time."""


class RollbackStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything is at rest; what was dispatched is now undone in reverse order."""

    intent: str
    """cancelled, rolled_back or retry."""
    steps: tuple[str, ...]
    """Names of the steps that will be compensated, in the order in which that happens."""


class StepCompensated(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a step is undone."""

    work_id: str
    """Undo work item that ended."""
    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    evidence: Evidence
    """What was found or done."""


class RollbackStuck(msgspec.Struct, frozen=True, kw_only=True):
    """A compensation failed for good; an operator must retry it or skip it with a reason."""

    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    problem: Problem
    """Why it failed."""


class CompensationSkipped(msgspec.Struct, frozen=True, kw_only=True):
    """An operator left the effect of a step standing."""

    step: int
    """Index of the step in the plan."""
    name: str
    """Name of the step."""
    reason: str
    """Why that is safe."""


class MigrationRolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """Everything dispatched is undone; the source is as it was."""

    reason: str
    """Why it was rolled back."""
    skipped: int
    """How many compensations an operator skipped."""
    archive_at: int = 0
    """When it leaves live state and is archived, in microseconds since the epoch; 0 for never."""


class MigrationCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """Ended on request; everything dispatched is undone."""

    reason: str
    """Why it was cancelled."""
    skipped: int
    """How many compensations an operator skipped."""
    archive_at: int = 0
    """When it leaves live state and is archived, in microseconds since the epoch; 0 for never."""


class MigrationCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """Every step of the plan has succeeded."""

    steps: int
    """How many steps the plan had."""
    archive_at: int = 0
    """When it leaves live state and is archived, in microseconds since the epoch; 0 for never."""


class MigrationArchived(msgspec.Struct, frozen=True, kw_only=True):
    """It has left live state: of it only a headstone is kept there, and its history, which can be read for ever."""

    ended_as: str
    """How it had ended: completed, rolled_back, cancelled or rejected."""
