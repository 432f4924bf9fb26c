"""Short lives of waves, a member of one, a migration at a gate, a delivery, a subscription and a capacity: commands and when each is decided, in microseconds since the epoch."""

from typing import Any

from msgspec.structs import replace

from libs.contracts import capacity as k
from libs.contracts import delivery as d
from libs.contracts import subscription as s
from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import gates as g
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.way_back import NoteWayBack, RecordWayBack
from libs.contracts.wave import commands as wc
from libs.contracts.work import ReportWork
from libs.testing.examples import AT, INTEREST, MESSAGE, PLAN, REQUEST, ROSTER, SECOND, SETTINGS, WAVE

_FAILED = d.ReportDelivery(work_id="acme/mig-7/tell/-/tell/1", attempt=1, outcome="failed", status_code=503, error="busy", duration_ms=9)


def _every_minute(*commands: Any) -> tuple[tuple[Any, int], ...]:
    return tuple((command, AT + 60 * SECOND * n) for n, command in enumerate(commands))


_PLANNING = "acme/mig-7/plan/-/plan/1"
_TERMS = a.ApprovalTerms(before="switch", expires_s=300, answer_within_s=3_600)
_GATED = Plan(
    provider="postgres",
    steps=(
        Step(name="compare", phase="testing", kind=CHECK),
        Step(name="approve_switch", phase="cutting_over", kind=WAIT, wait_for="approval", wait_ms=3_600_000, approval=_TERMS),
        Step(name="switch", phase="cutting_over", kind=ACT),
    ),
)
_MEMBER = replace(REQUEST, limits=("calendar/prod",), approval=False, retention_seconds=60)

STORIES: dict[str, tuple[tuple[Any, int], ...]] = {
    "migration": _every_minute(
        c.RequestMigration(request=_MEMBER),
        c.ReportPlan(work_id=_PLANNING, attempt=1, plan=PLAN),
        g.AdmitMigration(turn=1, limits=("rate/starts",)),
        g.AdmitMigration(turn=2, limits=("rate/starts",), after=("mig-3",)),
        g.TakeSlot(capacity="calendar/prod", turn=1),
        g.LoseSlot(capacity="rate/starts", turn=1, reason="there is no room to wait for a slot", retry_at=AT + 7 * 60 * SECOND),
        g.TakeSlot(capacity="rate/starts", turn=1),
        c.WakeMigration(wake_at=AT + 7 * 60 * SECOND),
        g.TakeSlot(capacity="calendar/prod", turn=2),
        g.TakeSlot(capacity="rate/starts", turn=2),
        g.LoseSlot(capacity="calendar/prod", turn=2, reason="the freeze 'year-end close' is on"),
        g.TakeSlot(capacity="calendar/prod", turn=3),
        g.TakeSlot(capacity="rate/starts", turn=3),
        c.RollBackMigration(reason="users complain"),
        ReportWork(work_id="acme/mig-7/0/-/apply/1", attempt=1, outcome="stopped"),
        ReportWork(work_id="acme/mig-7/0/-/undo/1", attempt=1, outcome="succeeded"),
        c.WakeMigration(wake_at=AT + 16 * 60 * SECOND),
        c.RollBackMigration(reason="too late"),
    ),
    "migration-approved": (
        *_every_minute(
            c.RequestMigration(request=replace(_MEMBER, wave="", limits=(), depends_on=(), approvals=(_TERMS,))),
            c.ReportPlan(work_id=_PLANNING, attempt=1, plan=_GATED),
            ReportWork(work_id="acme/mig-7/0/-/check/1", attempt=1, outcome="succeeded", evidence={"rows": 41}),
            a.DelegateApproval(to="subject-4", until=AT + 3600 * SECOND, reason="on leave"),
            c.PauseMigration(reason="lunch"),
            c.ApproveMigration(reason="rehearsed twice", evidence_version=6),
            a.WaiveApproval(reason="in a hurry", until=AT + 3600 * SECOND),
            c.ApproveMigration(reason="once more"),
            c.ApproveMigration(on_behalf_of="subject-9"),
        ),
        (c.WakeMigration(wake_at=AT + 600 * SECOND), AT + 600 * SECOND),
        (a.WaiveApproval(reason="nobody of the board is awake", until=AT + 900 * SECOND, roles=("admin",)), AT + 660 * SECOND),
        (RecordWayBack(passed=True, evidence="rolled back on a copy"), AT + 670 * SECOND),
        (NoteWayBack(passed=False, at=AT + 680 * SECOND, by="mig-8", provider="postgres", reason="mig-8 is stuck"), AT + 680 * SECOND),
        (c.ResumeMigration(), AT + 720 * SECOND),
        (ReportWork(work_id="acme/mig-7/2/-/apply/1", attempt=1, outcome="succeeded"), AT + 780 * SECOND),
    ),
    "wave": _every_minute(
        wc.StartWave(reason="too early"),
        wc.PlanWave(settings=WAVE),
        wc.AddMembers(members=ROSTER.members),
        wc.StartWave(reason="go"),
        wc.NoteWave(wave="2026-w02", outcome="waits"),
        wc.NoteWave(wave="2026-w00", outcome="completed"),
        wc.ContinueWave(step=0),
        wc.NoteMember(migration="mig-3", outcome="begun"),
        wc.PauseWave(reason="a bridge is down"),
        wc.ResumeWave(reason="the bridge is up"),
        wc.PlanWave(settings=replace(WAVE, max_failures=0)),
        wc.NoteMember(migration="mig-3", outcome="failed", reason="copy_rows: the target's disk is full"),
        wc.ResumeWave(reason="the disk is grown"),
        wc.RollBackWave(reason="users complain"),
        wc.NoteMember(migration="mig-3", outcome="rolled_back", reason="users complain"),
        wc.CancelWave(reason="the project ends"),
        wc.NoteMember(migration="mig-7", outcome="cancelled", reason="the project ends"),
    ),
    "wave-completed": _every_minute(
        wc.PlanWave(settings=replace(WAVE, after=())),
        wc.AddMembers(members=ROSTER.members),
        wc.StartWave(),
        wc.NoteMember(migration="mig-3", outcome="waiting"),
        wc.NoteMember(migration="mig-3", outcome="completed"),
        wc.NoteMember(migration="mig-7", outcome="rejected", reason="wal_level of the source is replica"),
    ),
    "delivery": _every_minute(
        d.ReplayDelivery(reason="too early"),
        d.RequestDelivery(message=MESSAGE),
        d.RequestDelivery(message=MESSAGE),
        _FAILED,
        replace(_FAILED, attempt=2, retry_after_ms=1_200_000),
        replace(_FAILED, attempt=1),
        replace(_FAILED, attempt=3, outcome="gone", status_code=410),
        d.ReplayDelivery(reason="a new address"),
        replace(_FAILED, work_id="acme/mig-7/tell/-/tell/2", outcome="delivered", status_code=204, error=""),
    ),
    "subscription": _every_minute(
        s.RotateSecret(reason="too early"),
        s.CreateSubscription(interest=INTEREST),
        s.ChangeSubscription(interest=replace(INTEREST, event_types=("*",))),
        s.RotateSecret(reason="yearly"),
        s.DisableSubscription(reason="noise"),
        s.EnableSubscription(reason="filtered now"),
        s.DeleteSubscription(reason="team dissolved"),
        s.EnableSubscription(reason="a mistake"),
    ),
    "capacity": _every_minute(
        k.OverrideFreeze(until=AT + 60 * SECOND, reason="too early"),
        k.AcquireSlot(holder="mig-1"),
        k.SetCapacity(settings=replace(SETTINGS, limit=-1)),
        k.SetCapacity(settings=replace(SETTINGS, limit=2, freezes=(k.Freeze(begins=AT + 480 * SECOND, ends=AT + 960 * SECOND),))),
        k.AcquireSlot(holder="mig-2"),
        k.AcquireSlot(holder="mig-3"),
        k.AcquireSlot(holder="mig-4"),
        k.ReleaseSlot(holder="mig-3"),
        k.WakeCapacity(wake_at=AT + 480 * SECOND),
        k.AcquireSlot(holder="mig-1"),
        k.OverrideFreeze(until=AT + 720 * SECOND, reason="agreed with finance"),
        k.WakeCapacity(wake_at=AT + 720 * SECOND),
        k.AcquireSlot(holder="mig-5"),
        k.ReleaseSlot(holder="mig-1"),
        k.SetCapacity(
            settings=replace(
                SETTINGS,
                windows=tuple(k.Interval(begins=AT + n * SECOND, ends=AT + (n + 30) * SECOND) for n in (960, 1_200)),
                freezes=(),
                lockout_ms=0,
            )
        ),
        k.AcquireSlot(holder="mig-5"),
        k.AcquireSlot(holder="m" * 300),
        k.WakeCapacity(wake_at=AT + 960 * SECOND),
    ),
}
"""By name, of which the first part is the aggregate."""
