"""An example of every message: what tests, docs and the demonstration show when any instance will do.

Together they tell one story: `acme/mig-7` moves a database within the limits of a capacity, a delivery tells of it, a
subscription asked for that.
"""

from typing import Any

from libs.contracts import capacity as k
from libs.contracts import delivery as d
from libs.contracts import operations as o
from libs.contracts import subscription as s
from libs.contracts.avro import encode_value
from libs.contracts.envelope import CommandEnvelope, EventEnvelope, follow
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.state import Gates, MigrationState
from libs.contracts.refusal import CommandRefused
from libs.contracts.stream import Answered, Stream
from libs.contracts.values import Evidence, Problem
from libs.contracts.wave import commands as wc
from libs.contracts.wave import events as we
from libs.contracts.wave.plan import Member, Roster, WaveSettings
from libs.contracts.wave.state import WaveState
from libs.contracts.work import APPLY, FAILED, MIGRATOR, NOTIFIER, SUCCEEDED, TELL, UNDO, ReportWork, Work, work_id_of
from libs.testing.approval_examples import ANSWERS, AT_GATE, REHEARSED, TERMS

AT = 1_767_225_600_000_000
SECOND = 1_000_000
TENANT, MIGRATION = "acme", "mig-7"

COMMAND_ENVELOPE = CommandEnvelope(
    command_id="acme/mig-7/3/-/apply/1#1",
    tenant=TENANT,
    aggregate=MIGRATION,
    environment="prod",
    actor="migrator",
    correlation_id="5f0c2a",
    occurred_at=AT - SECOND,
    expected_version=12,
)
EVENT_ENVELOPE: EventEnvelope = follow(
    COMMAND_ENVELOPE, ordinal=0, version=13, recorded_at=AT, previous=bytes(range(32)), digest=b"\x01\x02\x03\x04\x05\x06\x07\x08"
)

PROBLEM = Problem(
    code="wal_level_not_logical",
    category="prerequisite",
    message="wal_level of the source is replica",
    remedy="set wal_level = logical and restart the source",
    field="/source",
)
EVIDENCE: Evidence = {"publication": "whimbrel_mig_7", "tables": 41, "lag_seconds": 0.25, "in_sync": True}
REQUEST = Request(
    provider="postgres",
    application="billing",
    source='{"host": "old.example.org", "database": "billing", "password": {"env": "OLD_PASSWORD"}}',
    target='{"host": "new.example.org", "database": "billing", "password": {"env": "NEW_PASSWORD"}}',
    options='{"max_lag_seconds": 5}',
    wave="2026-w01",
    depends_on=("mig-3",),
    callback_url="https://example.org/hook",
    due_at=AT + 86_400 * SECOND,
    labels={"team": "payments"},
    on_failure="hold",
    approval=True,
    approvals=(TERMS,),
    rehearses="mig-2",
    limits=("calendar/prod", "limit/host=esx-1"),
)
PLAN = Plan(
    provider="postgres",
    steps=(
        Step(
            name="create_publication",
            phase="preparing",
            kind=ACT,
            title="Create the publication on the source.",
            parameters='{"tables": 41}',
            compensation="Drop the publication.",
            attempts=3,
            timeout_ms=60_000,
            backoff_ms=1_000,
            estimate_ms=2_000,
        ),
        Step(name="copy_rows", phase="replicating", kind=ACT, compensation="Truncate the target.", chunks=10_000, window=8),
        Step(name="compare", phase="testing", kind=CHECK),
        Step(name="sign_off", phase="cutting_over", kind=WAIT, wait_for="approval", wait_ms=86_400_000, approval=TERMS),
        Step(name="drop_source", phase="finalising", kind=ACT, point_of_no_return=True),
    ),
    summary="billing moves from old.example.org to new.example.org.",
    notes=("Large objects are not replicated.",),
)


def _work(step: int, direction: str, *, fence: int, attempt: int = 1, chunk: str = "-") -> Work:
    return Work(
        work_id=work_id_of(TENANT, MIGRATION, str(step), chunk, direction, 1),
        worker=MIGRATOR,
        step=step,
        chunk=chunk,
        direction=direction,
        round=1,
        fence=fence,
        attempt=attempt,
        not_before=AT,
        deadline=AT + 60 * SECOND,
    )


WORK, UNDO_WORK = _work(0, APPLY, fence=2), _work(0, UNDO, fence=9)
CHUNK = _work(1, APPLY, fence=5, chunk="17")
TELL_WORK = Work(
    work_id=work_id_of(TENANT, "dlv-9", "tell", "-", TELL, 1),
    worker=NOTIFIER,
    step=-1,
    chunk="-",
    direction=TELL,
    round=1,
    fence=1,
    attempt=1,
    not_before=AT,
    deadline=AT + 30 * SECOND,
)
MESSAGE = d.Message(
    subscription="sub-4",
    channel="webhook",
    url="https://example.org/hook",
    event_type="migration.completed",
    event_id=EVENT_ENVELOPE.event_id,
    migration=MIGRATION,
    payload='{"type": "migration.completed", "migration": "mig-7"}',
    key_generation=2,
)
INTEREST = s.Interest(url="https://example.org/hook", event_types=("migration.*",), channel="webhook", description="billing on call")
SETTINGS = k.CapacitySettings(
    limit=4,
    per_minute=10,
    windows=(k.Interval(begins=AT, ends=AT + 14_400 * SECOND),),
    freezes=(k.Freeze(begins=AT + 3_600 * SECOND, ends=AT + 7_200 * SECOND, label="year-end close"),),
    lockout_ms=900_000,
    on_close="pause",
    windows_from="RRULE:FREQ=WEEKLY;BYDAY=SA from 2026-01-01T00:00:00 Europe/Berlin for PT4H",
    freezes_from="calendar file with 1 event",
    description="changes to production",
)
STREAM = Stream(13, bytes(range(32)), (Answered("key-1", b"\x01\x02\x03\x04\x05\x06\x07\x08"),))
WAVE = WaveSettings(limits=("calendar/prod",), after=("2026-w00",), max_failures=2, max_running=5, description="billing and what it needs")
ROSTER = Roster(members=(Member(migration="mig-3"), Member(migration="mig-7", depends_on=("mig-3",))))

_EXAMPLES: tuple[Any, ...] = (
    *ANSWERS,
    REQUEST,
    PLAN,
    c.RequestMigration(request=REQUEST),
    c.ReportPlan(work_id="acme/mig-7/plan/-/plan/1", attempt=1, plan=PLAN, problems=()),
    c.WakeMigration(wake_at=AT),
    c.PauseMigration(reason="release freeze"),
    c.ResumeMigration(reason="freeze is over"),
    c.CancelMigration(reason="wrong target"),
    c.RollBackMigration(reason="users complain"),
    c.RetryMigration(from_step="copy_rows", reason="disk grown"),
    c.SkipCompensation(reason="the target is gone"),
    c.RefuseApproval(reason="not on a Friday"),
    ReportWork(work_id=WORK.work_id, attempt=1, outcome=FAILED, evidence=EVIDENCE, problem=PROBLEM, retryable=False),
    g.AdmitMigration(turn=4, limits=("rate/starts",), after=("mig-3",)),
    g.TakeSlot(capacity="limit/host=esx-1", turn=1),
    g.LoseSlot(capacity="calendar/prod", turn=1, reason="the freeze 'year-end close' is on"),
    e.MigrationRequested(request=REQUEST, requested_by="subject-1"),
    e.MigrationRejected(problems=(PROBLEM,)),
    e.MigrationPlanned(plan=PLAN),
    g.AdmissionAwaited(wave="2026-w01"),
    g.MigrationAdmitted(limits=("rate/starts",)),
    g.AdmissionDeclined(wave="2026-w01", turn=4, undeclared=("mig-3",)),
    g.SlotRequested(capacity="limit/host=esx-1", turn=2, reason="freeze is over"),
    g.SlotTaken(capacity="limit/host=esx-1", turn=2),
    g.SlotLost(capacity="rate/starts", turn=2, reason="there is no room to wait for a slot", retry_at=AT + 60 * SECOND),
    g.SlotsReleased(capacities=("calendar/prod", "limit/host=esx-1"), turn=2),
    e.WorkDispatched(work=WORK, name="create_publication", phase="preparing", point_of_no_return=False),
    e.ChunkSucceeded(work_id=CHUNK.work_id, step=1, name="copy_rows", chunk="17", evidence={"rows": 1_000}),
    e.StepSucceeded(work_id=WORK.work_id, step=0, name="create_publication", evidence=EVIDENCE),
    e.AttemptFailed(problem=PROBLEM, retry=_work(0, APPLY, fence=3, attempt=2), name="create_publication"),
    e.StepFailed(work_id=WORK.work_id, step=0, name="create_publication", problem=PROBLEM, held=True),
    e.WaitStarted(step=3, name="soak", until=AT + 3_600 * SECOND),
    e.MigrationPaused(reason="release freeze"),
    e.MigrationResumed(reason="freeze is over", phase="replicating"),
    e.RetryRequested(reason="disk grown"),
    e.StopRequested(intent="cancelled", to_step=0, reason="wrong target", code="cancelled", settle_by=AT + 65 * SECOND),
    RewindOverruled(intent="rolled_back", reason="not this night"),
    e.WorkSettled(work_id=CHUNK.work_id, step=1, name="copy_rows", outcome="unknown"),
    e.RollbackStarted(intent="cancelled", steps=("copy_rows", "create_publication")),
    e.StepCompensated(work_id=UNDO_WORK.work_id, step=0, name="create_publication", evidence={"dropped": True}),
    e.RollbackStuck(step=0, name="create_publication", problem=PROBLEM),
    e.CompensationSkipped(step=0, name="create_publication", reason="the source is gone"),
    RewindCompleted(step=1, round=2),
    e.MigrationRolledBack(reason="users complain", skipped=1),
    e.MigrationCancelled(reason="wrong target", skipped=0),
    e.MigrationCompleted(steps=5, archive_at=AT + 30 * 86_400 * SECOND),
    e.MigrationArchived(ended_as="completed"),
    CommandRefused(command="CancelMigration", code="past_point_of_no_return", message="the point of no return is crossed"),
    MigrationState(
        stream=STREAM,
        mode="stopping",
        status="stopping",
        request=encode_value(REQUEST),
        plan=encode_value(PLAN),
        step=1,
        round=2,
        fence=9,
        pending=(CHUNK,),
        next_chunk=18,
        done_chunks=17,
        dispatched=1,
        crossed=False,
        on_failure="hold",
        wake_at=AT + 65 * SECOND,
        awaiting="",
        intent="cancelled",
        to_step=0,
        reason="wrong target",
        skipped=1,
        unsettled=(1,),
        failed=(WORK,),
        gates=Gates(
            wave="2026-w01",
            admitted=True,
            declined=4,
            limits=("calendar/prod", "limit/host=esx-1"),
            at="slot",
            turn=2,
            slots=("calendar/prod",),
            ask_at=AT + 60 * SECOND,
            until=AT + 65 * SECOND,
        ),
        approvals=AT_GATE,
        way_back=REHEARSED,
    ),
    d.RequestDelivery(message=MESSAGE),
    d.ReportDelivery(
        work_id=TELL_WORK.work_id, attempt=1, outcome="failed", status_code=503, error="busy", duration_ms=210, retry_after_ms=30_000
    ),
    d.ReplayDelivery(reason="receiver was down"),
    d.DeliveryRequested(message=MESSAGE, work=TELL_WORK),
    d.DeliverySucceeded(work_id=TELL_WORK.work_id, attempt=1, status_code=204, duration_ms=180),
    d.DeliveryAttemptFailed(status_code=503, error="busy", duration_ms=210, retry=TELL_WORK),
    d.DeliveryFailed(work_id=TELL_WORK.work_id, attempt=10, status_code=410, error="gone", gone=True),
    d.DeliveryReplayed(work=TELL_WORK, reason="receiver was down"),
    d.DeliveryState(stream=STREAM, status="sending", message=MESSAGE, pending=(TELL_WORK,), fence=1, round=1),
    s.CreateSubscription(interest=INTEREST),
    s.ChangeSubscription(interest=INTEREST),
    s.DisableSubscription(reason="too noisy"),
    s.EnableSubscription(reason="filtered now"),
    s.RotateSecret(reason="yearly"),
    s.DeleteSubscription(reason="team dissolved"),
    s.SubscriptionCreated(interest=INTEREST, since=AT),
    s.SubscriptionChanged(interest=INTEREST),
    s.SubscriptionDisabled(reason="too noisy"),
    s.SubscriptionEnabled(reason="filtered now", since=AT),
    s.SecretRotated(generation=2, overlap_until=AT + 86_400 * SECOND),
    s.SubscriptionDeleted(reason="team dissolved"),
    s.SubscriptionState(stream=STREAM, status="active", interest=INTEREST, generation=2, overlap_until=AT + 86_400 * SECOND, since=AT),
    SETTINGS,
    k.SetCapacity(settings=SETTINGS),
    k.OverrideFreeze(until=AT + 5_400 * SECOND, reason="agreed with finance"),
    k.AcquireSlot(holder=MIGRATION),
    k.ReleaseSlot(holder=MIGRATION),
    k.WakeCapacity(wake_at=AT + 3_600 * SECOND),
    k.CapacitySet(settings=SETTINGS, wake_at=AT + 3_600 * SECOND),
    k.FreezeOverridden(until=AT + 5_400 * SECOND, reason="agreed with finance", wake_at=AT + 5_400 * SECOND),
    k.SlotQueued(holder=MIGRATION, since=AT, wake_at=AT + 7_200 * SECOND),
    k.SlotGranted(holder=MIGRATION, at=AT + 65 * SECOND, waited_us=65 * SECOND, wake_at=AT + 3_600 * SECOND),
    k.SlotFreed(holder=MIGRATION, held=True, wake_at=0),
    k.SlotRevoked(holder=MIGRATION, reason="the freeze 'year-end close' is on", wake_at=AT + 7_200 * SECOND),
    k.SlotRefused(holder=MIGRATION, retry_at=AT + 60 * SECOND),
    k.OpeningMissed(wake_at=AT + 7_200 * SECOND),
    k.CapacityState(
        stream=STREAM,
        settings=encode_value(SETTINGS),
        override_until=AT + 5_400 * SECOND,
        held=1,
        holders=b"\nmig-7\n",
        queued=1,
        queue=b"\nmig-8\t1767225600000000\n",
        recent=AT.to_bytes(8),
        wake_at=AT + 5_400 * SECOND,
    ),
    ROSTER,
    wc.PlanWave(settings=WAVE),
    wc.AddMembers(members=ROSTER.members),
    wc.StartWave(reason="go"),
    wc.PauseWave(reason="a bridge is down"),
    wc.ResumeWave(reason="the bridge is up"),
    wc.CancelWave(reason="the project ends"),
    wc.RollBackWave(reason="users complain"),
    wc.NoteMember(migration="mig-3", outcome="failed", reason="copy_rows: the target's disk is full"),
    wc.NoteWave(wave="2026-w00", outcome="completed"),
    wc.ContinueWave(step=4),
    we.WavePlanned(settings=WAVE),
    we.MembersAdded(members=ROSTER.members),
    we.WaveStarted(members=2, waits_for=("2026-w00",), reason="go"),
    we.WaveFollowed(wave="2026-w02"),
    we.PredecessorCompleted(wave="2026-w00"),
    we.MembersAdmitted(migrations=("mig-3",), step=1, more=False),
    we.MemberNoted(migration="mig-3", outcome="failed", reason="copy_rows: the target's disk is full", blocks=1, blocked=("mig-7",)),
    we.MembersTold(action="pause", migrations=("mig-3",), reason="a bridge is down", cursor=2, step=2),
    we.WaveStopped(failures=3, max_failures=2),
    we.WavePaused(reason="a bridge is down"),
    we.WaveResumed(reason="the bridge is up"),
    we.WaveCancelled(reason="the project ends"),
    we.WaveRollbackStarted(reason="users complain", members=1),
    we.WaveRolledBack(rolled_back=1, completed=1),
    we.WaveCompleted(completed=1, rolled_back=1, cancelled=0, rejected=0),
    WaveState(
        stream=STREAM,
        status="paused",
        settings=WAVE,
        pages=(encode_value(ROSTER),),
        members=b"fp",
        left=bytes((0, 1)),
        early={"mig-9": "rejected"},
        met=("2026-w00",),
        followers=("2026-w02",),
        tolerated=1,
        order="pause",
        cursor=1,
        step=2,
        reason="a bridge is down",
    ),
    o.ProgressReported(
        tenant=TENANT, migration=MIGRATION, work_id=CHUNK.work_id, step="copy_rows", done=17_000, total=10_000_000, unit="rows", at=AT
    ),
    o.DeadLetter(
        reader="validator",
        topic="prod.migration.commands",
        partition=3,
        offset=1_042,
        reason="undecodable",
        detail="3 bytes follow the end of whimbrel.migration.PauseMigration",
        key=b"acme/mig-7",
        value=b"\x00\x00\x00\x00\x07\x02",
        headers={"ce_id": b"key-1"},
        read_at=AT,
        tenant=TENANT,
    ),
    o.DeadLetterResolved(
        reader="validator",
        topic="prod.migration.commands",
        partition=3,
        offset=1_042,
        resolution="discarded",
        reason="sent by a script that is gone",
        actor="subj-123",
        resolved_at=AT,
    ),
)
EXAMPLES: dict[type[Any], Any] = {type(example): example for example in _EXAMPLES}
"""By model."""

VARIANTS: tuple[Any, ...] = (
    ReportWork(work_id=WORK.work_id, attempt=1, outcome=SUCCEEDED),
    MigrationState(),
    d.DeliveryState(),
    s.SubscriptionState(),
    k.CapacityState(),
    k.CapacitySettings(),
    WaveState(),
    c.ReportPlan(work_id="acme/mig-7/plan/-/plan/1", attempt=2, plan=Plan(provider="postgres", steps=()), problems=(PROBLEM,)),
    o.DeadLetter(
        reader="x", topic="t", partition=0, offset=0, reason="no_value", detail="none", key=None, value=None, headers={}, read_at=AT
    ),
)
"""The other branches: what is null or empty in them is filled in the example of the same message, and the reverse."""


def envelope_for(kind: type[Any] | None) -> Any:
    """An example of an envelope; None for messages without one."""
    return {CommandEnvelope: COMMAND_ENVELOPE, EventEnvelope: EVENT_ENVELOPE, None: None}[kind]
