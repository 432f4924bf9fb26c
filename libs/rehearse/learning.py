"""Samples from the events of migrations and waves: work, the way back, and what people did when they were waited for. Pure."""

from collections.abc import Iterable
from typing import Any

from libs.contracts.envelope import POLICY, EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Plan
from libs.contracts.wave import events as w
from libs.contracts.work import APPLY, CHECK, PLAN, UNDO
from libs.rehearse.answering import Entry
from libs.rehearse.history import (
    AGAIN,
    APPROVAL,
    CANCEL,
    DEAD,
    HELD,
    OK,
    REFUSE,
    RETRY,
    ROLL_BACK,
    SETTLE,
    SKIP,
    STOPPED,
    STUCK,
    UNBLOCK,
    Attempt,
    Key,
    Learner,
)

_ENDS = (e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled)
_LOST = ("rolled_back", "cancelled", "rejected")


class _Open:
    """A work item on its way."""

    def __init__(self, key: Key, begins: int) -> None:
        self.key, self.begins, self.attempts = key, begins, list[Attempt]()

    def attempt(self, ends: int, outcome: str) -> None:
        self.attempts.append(Attempt(max(0, ends - self.begins), outcome))


class OfMigration:
    """Learns from the events of one migration, in their order."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._provider, self._plan = "", Plan(provider="", steps=())
        self._open: dict[str, _Open] = {}
        self._person: tuple[Key, int] | None = None
        self._stopped = 0

    def read(self, entries: Iterable[Entry]) -> None:
        """Take them."""
        for envelope, body in entries:
            self._learner.lag(envelope)
            take = _TAKES.get(type(body))
            if take is not None:
                take(self, envelope, body)
            elif type(body) in _ENDS:
                self._open.clear()
        for open_ in self._open.values():
            if open_.begins >= self._stopped:
                self._learner.still(open_.key, open_.begins, tuple(open_.attempts))

    def requested(self, envelope: EventEnvelope, body: e.MigrationRequested) -> None:
        self._provider = body.request.provider

    def dispatched(self, envelope: EventEnvelope, body: e.WorkDispatched) -> None:
        work = body.work
        key = Key(self._provider, body.name or PLAN, work.direction)
        self._open[work.work_id] = _Open(key, max(envelope.recorded_at, work.not_before))

    def planned(self, envelope: EventEnvelope, body: e.MigrationPlanned) -> None:
        self._plan = body.plan
        self._learner.plan(envelope.recorded_at, body.plan)
        self._close_all(PLAN, envelope.recorded_at, OK)

    def rejected(self, envelope: EventEnvelope, body: e.MigrationRejected) -> None:
        self._close_all(PLAN, envelope.recorded_at, DEAD)

    def again(self, envelope: EventEnvelope, body: e.AttemptFailed) -> None:
        open_ = self._open.get(body.retry.work_id)
        if open_ is not None:
            open_.attempt(envelope.recorded_at, AGAIN)
            open_.begins = body.retry.not_before

    def done(self, envelope: EventEnvelope, body: e.StepSucceeded | e.ChunkSucceeded | e.StepCompensated) -> None:
        self._close(body.work_id, envelope.recorded_at, OK)

    def failed(self, envelope: EventEnvelope, body: e.StepFailed) -> None:
        self._close(body.work_id, envelope.recorded_at, DEAD)
        self._person = (Key(self._provider, body.name, HELD), envelope.recorded_at) if body.held else None

    def stuck(self, envelope: EventEnvelope, body: e.RollbackStuck) -> None:
        self._close_all(UNDO, envelope.recorded_at, DEAD)
        self._person = Key(self._provider, body.name, STUCK), envelope.recorded_at

    def awaited(self, envelope: EventEnvelope, body: e.ApprovalRequested) -> None:
        self._person = Key(self._provider, body.name, APPROVAL), envelope.recorded_at

    def approved(self, envelope: EventEnvelope, body: e.ApprovalGiven | a.ApprovalWaived) -> None:
        if isinstance(body, a.ApprovalWaived) or not body.missing:
            self._acted(envelope, OK)

    def lapsed(self, envelope: EventEnvelope, body: a.ApprovalLapsed) -> None:
        self._person = self._person or (Key(self._provider, body.name, APPROVAL), envelope.recorded_at)

    def retried(self, envelope: EventEnvelope, body: e.RetryRequested) -> None:
        self._acted(envelope, RETRY)

    def skipped(self, envelope: EventEnvelope, body: e.CompensationSkipped) -> None:
        self._acted(envelope, SKIP)

    def stopping(self, envelope: EventEnvelope, body: e.StopRequested) -> None:
        """A person, or a wave, had it go back; work on its way is called back."""
        self._stopped = envelope.recorded_at
        by_itself = body.code == "step_failed" or envelope.actor.startswith(POLICY)
        if by_itself:
            self._person = None
        elif self._person is not None:
            self._acted(envelope, REFUSE if body.code == "approval_refused" else self._action(body))
        else:
            for work_id in [*self._open]:
                if self._open[work_id].key.direction in (APPLY, CHECK):
                    self._close(work_id, envelope.recorded_at, self._action(body))

    def _action(self, body: e.StopRequested) -> str:
        if body.intent == "retry":
            return f"{RETRY} {self._plan.steps[body.to_step].name}"
        return CANCEL if body.intent == "cancelled" else ROLL_BACK

    def settled(self, envelope: EventEnvelope, body: e.WorkSettled) -> None:
        self._open.pop(body.work_id, None)
        self._learner.wait(Key(self._provider, body.name, SETTLE), self._stopped, envelope.recorded_at, body.outcome)

    def _acted(self, envelope: EventEnvelope, action: str) -> None:
        if self._person is not None:
            key, since = self._person
            self._learner.wait(key, since, envelope.recorded_at, action)
            self._person = None

    def _close_all(self, direction: str, at: int, outcome: str) -> None:
        for work_id in [id_ for id_, open_ in self._open.items() if open_.key.direction == direction]:
            self._close(work_id, at, outcome)

    def _close(self, work_id: str, at: int, outcome: str) -> None:
        open_ = self._open.pop(work_id, None)
        if open_ is not None:
            open_.attempt(at, outcome)
            self._learner.course(open_.key, at, tuple(open_.attempts))


_TAKES: dict[type[Any], Any] = {
    e.MigrationRequested: OfMigration.requested,
    e.WorkDispatched: OfMigration.dispatched,
    e.MigrationPlanned: OfMigration.planned,
    e.MigrationRejected: OfMigration.rejected,
    e.AttemptFailed: OfMigration.again,
    e.StepSucceeded: OfMigration.done,
    e.ChunkSucceeded: OfMigration.done,
    e.StepCompensated: OfMigration.done,
    e.StepFailed: OfMigration.failed,
    e.RollbackStuck: OfMigration.stuck,
    e.ApprovalRequested: OfMigration.awaited,
    e.ApprovalGiven: OfMigration.approved,
    a.ApprovalWaived: OfMigration.approved,
    a.ApprovalLapsed: OfMigration.lapsed,
    e.RetryRequested: OfMigration.retried,
    e.CompensationSkipped: OfMigration.skipped,
    e.StopRequested: OfMigration.stopping,
    e.WorkSettled: OfMigration.settled,
}


class OfWaves:
    """Learns from the events of waves, each wave's in their order: how long people leave it stopped, or members blocked."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._stopped: dict[str, int] = {}
        self._blocked: dict[str, int] = {}

    def take(self, envelope: EventEnvelope, body: Any) -> None:
        """The next event of a wave."""
        name, at = envelope.aggregate, envelope.recorded_at
        if isinstance(body, w.WaveStopped):
            self._stopped[name] = at
        elif isinstance(body, w.WaveResumed | w.WaveCancelled | w.WaveRollbackStarted) and name in self._stopped:
            if isinstance(body, w.WaveResumed):
                self._learner.wait(Key("", "", STOPPED), self._stopped[name], at)
            del self._stopped[name]
        elif isinstance(body, w.MemberNoted) and body.blocks and body.outcome in _LOST:
            self._blocked.setdefault(name, at)
        elif isinstance(body, w.MembersAdded) and name in self._blocked:
            self._learner.wait(Key("", "", UNBLOCK), self._blocked.pop(name), at)
