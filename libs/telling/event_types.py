"""The one table from an event of a migration to the names under which subscribers know it. Pure.

The first name is the usual one. A step that failed for good is also `migration.failed`, because the migration has failed
with it: whoever asks for that name only gets it under that name.
"""

from collections.abc import Sequence
from typing import Any

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.contracts.refusal import CommandRefused

NAMES: dict[type[Any], tuple[str, ...]] = {
    e.MigrationRequested: ("migration.requested",),
    e.MigrationRejected: ("migration.rejected",),
    e.MigrationPlanned: ("migration.planned",),
    g.AdmissionAwaited: ("migration.admission_awaited",),
    g.MigrationAdmitted: ("migration.admitted",),
    g.AdmissionDeclined: ("migration.admission_declined",),
    g.SlotRequested: ("migration.slot_awaited",),
    g.SlotLost: ("migration.slot_lost",),
    e.StepSucceeded: ("migration.step.completed",),
    e.AttemptFailed: ("migration.step.attempt_failed",),
    e.StepFailed: ("migration.step.failed", "migration.failed"),
    e.StepCompensated: ("migration.step.compensated",),
    e.CompensationSkipped: ("migration.step.compensation_skipped",),
    e.WaitStarted: ("migration.waiting",),
    e.ApprovalRequested: ("migration.approval_requested",),
    e.ApprovalGiven: ("migration.approved",),
    WayBackRehearsed: ("migration.way_back_rehearsed",),
    a.ApprovalDelegated: ("migration.approval_delegated",),
    a.ApprovalWaived: ("migration.approval_waived",),
    a.ApprovalLapsed: ("migration.approval_lapsed",),
    e.MigrationPaused: ("migration.paused",),
    e.MigrationResumed: ("migration.resumed",),
    e.RetryRequested: ("migration.retry_requested",),
    e.StopRequested: ("migration.stopping",),
    RewindOverruled: ("migration.rewind_overruled",),
    e.RollbackStarted: ("migration.rollback_started",),
    e.RollbackStuck: ("migration.rollback_stuck",),
    RewindCompleted: ("migration.rewound",),
    e.MigrationRolledBack: ("migration.rolled_back",),
    e.MigrationCancelled: ("migration.cancelled",),
    e.MigrationCompleted: ("migration.completed",),
}
UNPUBLISHED = frozenset(
    {e.WorkDispatched, e.ChunkSucceeded, e.WorkSettled, g.SlotTaken, g.SlotsReleased, e.MigrationArchived, CommandRefused}
)
"""Book-keeping between validator, workers and capacities, progress within a step, leaving live state, and answers to whoever sent a command."""

CALLBACK_NAMES: dict[type[Any], str] = {
    e.MigrationRejected: "migration.rejected",
    e.StepFailed: "migration.failed",
    e.ApprovalRequested: "migration.approval_requested",
    a.ApprovalLapsed: "migration.approval_lapsed",
    e.RollbackStuck: "migration.rollback_stuck",
    e.MigrationRolledBack: "migration.rolled_back",
    e.MigrationCancelled: "migration.cancelled",
    e.MigrationCompleted: "migration.completed",
}
"""What a migration's callback URL is told: every end, every failure, and where a person is waited for."""

ENDS = frozenset({e.MigrationRejected, e.MigrationRolledBack, e.MigrationCancelled, e.MigrationCompleted})
"""After these a migration has nothing more to tell."""


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern means a name; a trailing * matches every name that begins so."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def wanted_name(patterns: Sequence[str], event: type[Any]) -> str:
    """The name under which a subscription with these patterns is told of an event; empty when it does not want it."""
    return next((name for name in NAMES.get(event, ()) if any(matches(pattern, name) for pattern in patterns)), "")
