"""The current row of a migration: columns, and how each event changes them. Folded from events alone, never from the state topic."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.request import Request
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.contracts.refusal import CommandRefused
from libs.contracts.values import Problem
from libs.contracts.work import PLAN, UNDO
from libs.readmodel.approvals import AT_GATE, no_return, told
from libs.readmodel.facts import Fact, text
from libs.readmodel.view import Row, View, Works, following, next_deadline, pending
from libs.runtime.errors import BrokenHistory

GRACE_US = 5_000_000
"""How long after its deadline work in flight counts as unknown while the migration is stopping (libs.domain.migration)."""
LONGEST_TEXT = 2_000
SLOT_AWAITED, SLOT_LOST = "waits for a slot of ", "lost its slot of "
"""What the reason of a migration begins with, before the id of the capacity, while it waits for a slot or has lost one."""
Changes = dict[str, Any]


class MigrationRow(Row, frozen=True, kw_only=True):
    """What is known of a migration. Columns named in `VIEW.json` hold JSON text."""

    provider: str
    application: str
    wave: str
    labels: str
    depends_on: str
    limits: str
    source: str
    target: str
    options: str
    due_at: int
    on_failure: str
    approval: bool
    rehearses: str
    """Migration whose way back it rehearses; empty for none."""
    requested_by: str
    correlation_id: str
    status_since: int
    """Offset of the event that brought the status."""
    status_event: str
    """Id of the event that brought the status."""
    mode: str = "checking"
    """Where it stands in its life: checking, running, paused, held, stopping, rolling_back, stuck, ended or archived."""
    ended: bool = False
    step: int = -1
    """Index of the step last begun; -1 before the first."""
    step_name: str = ""
    steps: int = 0
    """How many steps the plan has; 0 before it is planned."""
    steps_done: int = 0
    """How many steps from the beginning of the plan have succeeded and not been undone."""
    round: int = 1
    crossed: bool = False
    """True once the point of no return is crossed."""
    wake_at: int = 0
    ended_as: str = ""
    """How it had ended, once it is archived."""
    archived_at: int | None = None
    """When it was archived."""
    reason: str = ""
    """Why it is paused, goes back, or ended before its time."""
    problem: str | None = None
    """The last problem reported."""
    work: Works = ()
    """Work in flight."""
    next_deadline: int | None = None
    plan_pos: int = -1
    """Offset of the event that holds the plan; -1 before it is planned."""
    gate: str | None = None
    """The go/no-go gate that it awaits approval at."""
    no_return: str | None = None
    """The step that is its point of no return; None before it is planned, and where the plan has none."""
    way_back: str | None = None
    """The last rehearsal of the way back; None when there was none."""


def _problem(problem: Problem) -> str:
    return msgspec.json.encode(problem).decode()


def _json(given: str) -> str:
    """A request's JSON text; as a JSON string where it is none."""
    try:
        msgspec.json.decode(given or "{}")
    except msgspec.DecodeError:
        return msgspec.json.encode(given).decode()
    return given or "{}"


def _listed(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")


def _ended(status: str, archive_at: int, **changes: Any) -> Changes:
    return {"mode": "ended", "ended": True, "status": status, "work": (), "wake_at": archive_at, **changes}


def _dispatched(row: MigrationRow, event: e.WorkDispatched) -> Changes:
    work = event.work
    changes: Changes = {"status": event.phase, "work": (*row.work, work), "crossed": row.crossed or event.point_of_no_return}
    if work.direction == PLAN:
        return changes
    if row.mode == "stopping":
        return {**changes, "wake_at": max(row.wake_at, work.deadline + GRACE_US)}
    if work.direction == UNDO:
        return {**changes, "mode": "rolling_back"}
    return {**changes, "mode": "running", "step": work.step, "step_name": text(event.name)}


def _attempt_failed(row: MigrationRow, event: e.AttemptFailed) -> Changes:
    retry = event.retry
    work = tuple(retry if item.work_id == retry.work_id else item for item in row.work)
    wake_at = max(row.wake_at, retry.deadline + GRACE_US) if row.mode == "stopping" else row.wake_at
    return {"work": work, "wake_at": wake_at, "problem": _problem(event.problem)}


def _failed(row: MigrationRow, event: e.StepFailed) -> Changes:
    changes: Changes = {"work": pending(row.work, event.work_id), "status": "failed", "problem": _problem(event.problem)}
    return {**changes, "mode": "held", "wake_at": 0, "gate": None} if event.held else changes


def _waiting(status: str, step: int, name: str, wake_at: int) -> Changes:
    return {"mode": "running", "status": status, "step": step, "step_name": text(name), "wake_at": wake_at}


def _settled(row: MigrationRow, event: e.WorkSettled) -> Changes:
    work = pending(row.work, event.work_id)
    return {"work": work, "wake_at": row.wake_at if work else 0}


def _compensated(row: MigrationRow, event: e.StepCompensated | e.CompensationSkipped) -> Changes:
    return {"steps_done": min(row.steps_done, event.step)}


_CHANGES: dict[type[Any], Callable[[MigrationRow, Any], Changes]] = {
    e.WorkDispatched: _dispatched,
    e.MigrationRejected: lambda row, event: _ended(
        "rejected", event.archive_at, problem=_problem(event.problems[0]) if event.problems else None
    ),
    e.MigrationPlanned: lambda row, event: {
        "mode": "running",
        "status": "planned",
        "work": (),
        "steps": len(event.plan.steps),
        "no_return": no_return(event.plan),
    },
    g.AdmissionAwaited: lambda row, event: {"status": "waiting", "reason": f"waits for the wave {event.wave} to admit it"},
    g.MigrationAdmitted: lambda row, event: {"reason": ""},
    g.AdmissionDeclined: lambda row, event: {
        "reason": f"the wave {event.wave} does not know that it depends on {_listed(event.undeclared)}"
    },
    g.SlotRequested: lambda row, event: {"status": "waiting", "reason": f"{SLOT_AWAITED}{event.capacity}"},
    g.SlotTaken: lambda row, event: {"reason": ""},
    g.SlotLost: lambda row, event: {"reason": f"{SLOT_LOST}{event.capacity}: {event.reason}"},
    g.SlotsReleased: lambda row, event: {},
    e.ChunkSucceeded: lambda row, event: {"work": pending(row.work, event.work_id)},
    e.StepSucceeded: lambda row, event: {
        "work": pending(row.work, event.work_id),
        "wake_at": 0,
        "steps_done": event.step + 1,
        "gate": None,
    },
    e.AttemptFailed: _attempt_failed,
    e.StepFailed: _failed,
    e.WaitStarted: lambda row, event: _waiting("waiting", event.step, event.name, event.until),
    e.ApprovalRequested: lambda row, event: _waiting("awaiting_approval", event.step, event.name, event.expires_at),
    e.ApprovalGiven: lambda row, event: {},
    a.ApprovalDelegated: lambda row, event: {},
    a.ApprovalWaived: lambda row, event: {},
    a.ApprovalLapsed: lambda row, event: {},
    WayBackRehearsed: lambda row, event: {},
    e.MigrationPaused: lambda row, event: {"mode": "paused", "status": "paused", "reason": event.reason},
    e.MigrationResumed: lambda row, event: {"mode": "running", "status": event.phase, "reason": ""},
    e.RetryRequested: lambda row, event: {},
    e.StopRequested: lambda row, event: {
        "mode": "stopping",
        "status": "stopping",
        "reason": event.reason,
        "wake_at": event.settle_by,
        "gate": None,
    },
    RewindOverruled: lambda row, event: {"reason": event.reason},
    e.WorkSettled: _settled,
    e.RollbackStarted: lambda row, event: {"mode": "rolling_back", "status": "rolling_back", "wake_at": 0},
    e.StepCompensated: lambda row, event: {**_compensated(row, event), "work": pending(row.work, event.work_id)},
    e.RollbackStuck: lambda row, event: {"mode": "stuck", "status": "rollback_stuck", "work": (), "problem": _problem(event.problem)},
    e.CompensationSkipped: lambda row, event: {**_compensated(row, event), "mode": "rolling_back", "status": "rolling_back"},
    RewindCompleted: lambda row, event: {"mode": "running", "step": event.step, "round": event.round, "reason": ""},
    e.MigrationRolledBack: lambda row, event: _ended("rolled_back", event.archive_at, reason=event.reason),
    e.MigrationCancelled: lambda row, event: _ended("cancelled", event.archive_at, reason=event.reason),
    e.MigrationCompleted: lambda row, event: _ended("completed", event.archive_at),
    e.MigrationArchived: lambda row, event: {"mode": "archived", "status": "archived", "ended_as": text(event.ended_as), "wake_at": 0},
    CommandRefused: lambda row, event: {},
}


def _requested(fact: Fact, request: Request) -> MigrationRow:
    envelope = fact.envelope
    return MigrationRow(
        tenant=envelope.tenant,
        id=envelope.aggregate,
        partition=fact.partition,
        requested_pos=fact.pos,
        provider=text(request.provider),
        application=text(request.application),
        wave=text(request.wave),
        labels=msgspec.json.encode(request.labels, order="sorted").decode(),
        depends_on=msgspec.json.encode(request.depends_on).decode(),
        limits=msgspec.json.encode(request.limits).decode(),
        source=_json(request.source),
        target=_json(request.target),
        options=_json(request.options),
        due_at=request.due_at,
        on_failure=text(request.on_failure),
        approval=request.approval,
        rehearses=text(request.rehearses),
        requested_at=envelope.recorded_at,
        requested_by=text(envelope.actor),
        correlation_id=text(envelope.correlation_id),
        version=envelope.version,
        head=fact.hash,
        status="requested",
        status_since=fact.pos,
        status_event=envelope.event_id,
        updated_at=envelope.recorded_at,
        updated_event=envelope.event_id,
    )


def evolve(row: MigrationRow | None, fact: Fact) -> MigrationRow:
    """The row after an event. Raises BrokenHistory for an event that cannot stand there."""
    envelope, body = fact.envelope, fact.body
    if row is None:
        if type(body) is not e.MigrationRequested:
            raise BrokenHistory(f"{envelope.tenant}/{envelope.aggregate} begins with {type(body).__name__}")
        return _requested(fact, body.request)
    kind = type(body)
    changes = following(_CHANGES, fact)(row, body)
    if changes.get("status", row.status) != row.status:
        changes["status"] = status = text(changes["status"])
        if status != row.status:
            changes["status_since"], changes["status_event"] = fact.pos, envelope.event_id
    if "work" in changes:
        changes["next_deadline"] = next_deadline(changes["work"])
    if "reason" in changes:
        changes["reason"] = text(changes["reason"], LONGEST_TEXT)
    at_gate = AT_GATE.get(kind)
    if at_gate is not None:
        changes |= told(at_gate, row.gate, row.way_back, envelope, body)
    if kind is e.MigrationPlanned:
        changes["plan_pos"] = fact.pos
    if kind is e.MigrationArchived:
        changes["archived_at"] = envelope.recorded_at
    return replace(
        row, version=envelope.version, head=fact.hash, updated_at=envelope.recorded_at, updated_event=envelope.event_id, **changes
    )


_FIXED = """tenant id partition requested_pos provider application wave labels depends_on limits source target options due_at on_failure
approval rehearses requested_at requested_by correlation_id"""
VIEW = View(
    table="migration",
    row=MigrationRow,
    evolve=evolve,
    json=frozenset({"labels", "depends_on", "limits", "source", "target", "options", "problem", "work", "gate", "no_return", "way_back"}),
    fixed=frozenset(_FIXED.split()),
)


def words(id_: str, application: str, wave: str) -> set[str]:
    """Words that a search finds a migration by, as terms."""
    parts = application.replace("-", " ").replace("_", " ").replace(".", " ").split()
    return {text(f"text:{word.lower()}") for word in (id_, application, wave, *parts) if word}


def terms(row: MigrationRow) -> set[str]:
    """What the migration can be found by: `wave:`, `provider:`, `label:key=value`, and `text:` words in lower case."""
    labels: dict[str, str] = msgspec.json.decode(row.labels)
    found = {f"label:{name}={value}" for name, value in labels.items()} | {f"provider:{row.provider}"}
    if row.wave:
        found.add(f"wave:{row.wave}")
    return {text(term) for term in found} | words(row.id, row.application, row.wave)
