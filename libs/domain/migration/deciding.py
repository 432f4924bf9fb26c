"""`decide`: which decision answers which command, and the `Decider` value of the migration."""

from collections.abc import Callable
from typing import Any

from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import gates as g
from libs.contracts.migration import way_back as w
from libs.contracts.migration.events import MigrationArchived
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.values import END_OF_TIME
from libs.contracts.work import ReportWork
from libs.domain.decider import Context, Decider
from libs.domain.migration import approving, archiving, gates, going_back, going_forward, operating, passing, rehearsing
from libs.domain.migration.dispatching import pending
from libs.domain.migration.evolving import NEW, ROLLING_BACK, STOPPING, evolve

Events = list[Any]


def _requested(state: State, command: c.RequestMigration, ctx: Context) -> Events:
    if state.mode != NEW:
        return operating.refuse(command, "already_exists", "a migration with this id exists already; choose another id")
    limits = command.request.limits
    if len(limits) > gates.MOST_LIMITS or "" in limits:
        message = f"limits holds {len(limits)} ids" + (", one of them empty" if "" in limits else "")
        return operating.refuse(command, "invalid_limits", f"{message}; name at most {gates.MOST_LIMITS} capacities")
    if not 0 <= command.request.retention_seconds <= archiving.LONGEST_RETENTION_S:
        message = f"retention_seconds is {command.request.retention_seconds}; give 0 to {archiving.LONGEST_RETENTION_S}"
        return operating.refuse(command, "invalid_retention", message)
    if not 0 <= command.request.due_at < END_OF_TIME:
        message = f"due_at is {command.request.due_at}; give microseconds since the epoch, before the year 10000, or 0 for no due date"
        return operating.refuse(command, "invalid_due_at", message)
    if command.request.depends_on and not command.request.wave:
        message = "depends_on is given but no wave; order is kept by waves, so name the wave that it moves with, or leave depends_on out"
        return operating.refuse(command, "depends_on_without_wave", message)
    if len(command.request.approvals) > approving.MOST_GATES:
        return operating.refuse(command, "invalid_approvals", f"approvals names more than {approving.MOST_GATES} gates")
    if command.request.rehearses == ctx.aggregate:
        return operating.refuse(command, "rehearses_itself", "a migration cannot rehearse its own way back; name another, or nothing")
    return going_forward.request(command, ctx)


def _reported(state: State, report: ReportWork, ctx: Context) -> Events:
    work = pending(state, report.work_id, report.attempt)
    if work is None:
        return []
    if state.mode == STOPPING:
        return going_back.settle(state, work, report, ctx)
    if state.mode == ROLLING_BACK:
        return going_back.undo_reported(state, work, report, ctx)
    return going_forward.work_reported(state, work, report, ctx)


def _woken(state: State, wake: c.WakeMigration, ctx: Context) -> Events:
    if wake.wake_at != state.wake_at or wake.wake_at == 0 or wake.wake_at > ctx.now:
        return []
    if state.mode == archiving.ENDED:
        return archiving.archive(state)
    if state.mode == STOPPING:
        return going_back.settle_by_time(state, ctx)
    if wake.wake_at == gates.of(state).ask_at:
        return [gates.first_slot(state)]
    return approving.woken(state, ctx) if state.awaiting == "approval" else going_forward.woken(state, ctx)


_OPERATIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    c.RequestMigration: _requested,
    c.PauseMigration: operating.pause,
    c.ResumeMigration: operating.resume,
    c.CancelMigration: operating.cancel,
    c.RollBackMigration: operating.roll_back,
    c.RetryMigration: operating.retry,
    c.SkipCompensation: operating.skip,
    c.ApproveMigration: approving.approve,
    c.RefuseApproval: approving.refuse_approval,
    a.DelegateApproval: approving.delegate,
    a.WaiveApproval: approving.waive,
    w.RecordWayBack: rehearsing.record,
}
_DECISIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    **_OPERATIONS,
    c.ReportPlan: going_forward.plan_reported,
    ReportWork: _reported,
    c.WakeMigration: _woken,
    g.AdmitMigration: passing.admit,
    g.TakeSlot: passing.take,
    g.LoseSlot: passing.lose,
    w.NoteWayBack: rehearsing.note,
}


def decide(state: State, command: Any, ctx: Context) -> Events:
    """Events that answer a command. Raises KeyError for a command that no migration knows."""
    events = _DECISIONS[type(command)](state, command, ctx)
    if state.gates is not None and state.gates.slots:
        events = passing.giving_back(state, events)
    return archiving.dated(state, events, ctx) if events and type(events[-1]) in archiving.ENDS else events


DECIDER = Decider(
    aggregate="migration",
    state=State,
    initial=State(),
    decide=decide,
    evolve=evolve,
    client_commands=frozenset(_OPERATIONS),
    archives=MigrationArchived,
)
