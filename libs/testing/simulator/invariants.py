"""The invariants of docs/invariants.md, checked event by event against one migration's log."""

from collections.abc import Callable
from typing import Any

from libs.contracts.avro import encode_value
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.plan import Plan
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.contracts.refusal import CommandRefused
from libs.contracts.work import APPLY, PLAN, UNDO, Work
from libs.domain.history import REMEMBERED
from libs.domain.migration.archiving import ARCHIVED, ENDED, OVER

HEADSTONE_BYTES = 128
"""Most that the state of an archived migration takes until somebody asks something of it."""


class Violation(AssertionError):
    """An invariant does not hold. `invariant` is its number in docs/invariants.md."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(f"{invariant}: {message}")
        self.invariant = invariant


def hold(invariant: str, condition: bool, message: str) -> None:
    """Raise Violation unless the condition holds."""
    if not condition:
        raise Violation(invariant, message)


class Ledger:
    """Reads one migration's events in order and knows, from them alone, what may come next."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.skipped: set[int] = set()
        self.ended = self.archived = False
        self.archive_at, self.ended_as, self.asked_since = 0, "", False
        self._version, self._head = 0, b""
        self._cursor, self._round, self._fence = 0, 1, 0
        self._attempts: dict[str, int] = {}
        self._in_flight: set[str] = set()
        self._acts: set[int] = set()
        self._undo: list[int] = []
        self._crossed = self._back = False
        self._intent, self._to_step = "", 0
        self._skipped_now = False
        self._wave, self._admitted = "", False
        self._limits: set[str] = set()
        self._slots: set[str] = set()
        self._now, self._waived = 0, ""
        self._yes: dict[str, e.ApprovalGiven] = {}
        self._rehearsed: WayBackRehearsed | None = None

    def take(self, envelope: EventEnvelope, event: Any, hash_: bytes) -> None:
        """The next event. Raises Violation."""
        hold("I12", envelope.version == self._version + 1, f"version {envelope.version} follows {self._version}")
        hold("I12", envelope.previous == self._head, f"version {envelope.version} is not chained to the one before")
        self._version, self._head, self._now = envelope.version, hash_, envelope.recorded_at
        hold("I4", not self.ended or type(event) in (CommandRefused, e.MigrationArchived), f"{type(event).__name__} after the end")
        if type(event) is e.MigrationArchived:
            hold("I28", self.ended and not self.archived, "it is archived before its end, or twice")
            hold("I28", envelope.recorded_at >= self.archive_at, "it is archived before its time")
            self.archived, self.ended_as = True, event.ended_as
        self.asked_since = self.asked_since or (self.archived and type(event) is CommandRefused)
        change = _CHANGES.get(type(event))
        if change is not None:
            change(self, event)

    def state(self, state: Any) -> None:
        """The state after a decision. Raises Violation."""
        over = state.mode in OVER
        hold("I10", not over or not (state.pending or state.failed), "an ended migration waits for work")
        hold(
            "I28", not over or state.wake_at == (self.archive_at if state.mode == ENDED else 0), "an ended migration waits for another time"
        )
        hold("I28", self.archived == (state.mode == ARCHIVED), "its state does not know whether it is archived")
        hold("I28", self.asked_since or not self.archived or len(encode_value(state)) <= HEADSTONE_BYTES, "its headstone is too large")
        window = max((step.window for step in self.plan.steps), default=1) if self.plan else 1
        held = len(state.pending) + len(state.failed)
        hold("I11", held <= window and len(state.unsettled) <= 1, f"state holds {held} work items at window {window}")
        hold("I11", len(state.stream.answered) <= REMEMBERED, "state remembers too many answers")

    def _given(self, work: Work) -> None:
        hold("I6", work.fence > self._fence, f"{work.work_id}#{work.attempt} has fence {work.fence}, {self._fence} was given before")
        hold("I7", work.attempt > self._attempts.get(work.work_id, 0), f"{work.work_id}#{work.attempt} was given before")
        self._fence = work.fence
        self._attempts[work.work_id] = work.attempt

    def dispatched(self, event: e.WorkDispatched) -> None:
        """Work was handed out."""
        work = event.work
        self._given(work)
        if work.direction == PLAN:
            return
        if work.direction == UNDO:
            self._undoing(work)
        elif not self._back:
            self._forward(work, event)

    def _undoing(self, work: Work) -> None:
        hold("I14", not self._crossed, f"{work.work_id} after the point of no return")
        hold("I3", work.step in self._acts, f"{work.work_id} undoes what was not dispatched")
        hold("I2", self._undo[:1] == [work.step], f"{work.work_id} is out of order; left to undo: {self._undo}")

    def _forward(self, work: Work, event: e.WorkDispatched) -> None:
        assert self.plan is not None
        step = self.plan.steps[work.step]
        hold("I1", work.step == self._cursor, f"{work.work_id} while step {self._cursor} is due")
        hold("I8", work.round == self._round, f"{work.work_id} in round {self._round}")
        hold("I20", self._admitted or not self._wave, f"{work.work_id} without the admission of {self._wave}")
        hold("I20", self._limits <= self._slots, f"{work.work_id} without a slot of {sorted(self._limits - self._slots)}")
        self._in_flight.add(work.work_id)
        hold("I9", len(self._in_flight) <= step.window, f"{len(self._in_flight)} in flight, window {step.window}")
        self._crossed = self._crossed or event.point_of_no_return
        if work.direction == APPLY and step.compensation:
            self._acts.add(work.step)

    def requested(self, event: e.MigrationRequested) -> None:
        """It was asked for."""
        self._wave, self._limits = event.request.wave, set(event.request.limits)

    def admitted(self, event: g.MigrationAdmitted) -> None:
        """Its wave lets it begin."""
        self._admitted = True
        self._limits |= set(event.limits)

    def planned(self, event: e.MigrationPlanned) -> None:
        """The plan is frozen."""
        self.plan = event.plan

    def succeeded(self, event: e.StepSucceeded) -> None:
        """A step ended well."""
        self._in_flight.discard(event.work_id)
        hold("I1", event.step == self._cursor, f"step {event.step} succeeded while step {self._cursor} is due")
        hold("I1", not self._in_flight, f"step {event.step} succeeded with {self._in_flight} in flight")
        self._passes(event)
        self._cursor += 1

    def _passes(self, event: e.StepSucceeded) -> None:
        step = self.plan.steps[event.step] if self.plan else None
        if step is None or step.wait_for != "approval":
            return
        given = [one for one in self._yes.values() if not one.lapses_at or one.lapses_at > self._now]
        rights, wanted = {one.right_of for one in given}, step.approval.quorum if step.approval else 1
        hold("I26", bool(self._waived) or len(rights) >= wanted, f"{step.name} was passed with {sorted(rights)} of {wanted} approvals")

        back, age = self._rehearsed, step.approval.way_back_max_age_s * 1_000_000 if step.approval else 0
        fresh = back is not None and back.passed and back.at + age > self._now
        hold("I27", bool(self._waived) or not age or fresh, f"{step.name} was passed on {back}")

    def rehearsed(self, event: WayBackRehearsed) -> None:
        """The way back was rehearsed."""
        if self._rehearsed is None or self._rehearsed.at <= event.at:
            self._rehearsed = event

    def at_gate(self, event: e.ApprovalRequested) -> None:
        """It awaits approval."""
        self._yes, self._waived = {}, ""

    def approved(self, event: e.ApprovalGiven) -> None:
        """Somebody said yes."""
        hold("I26", event.by not in self._yes, f"{event.by} approved twice")
        hold("I26", event.right_of not in {one.right_of for one in self._yes.values()}, f"the right of {event.right_of} was used twice")
        self._yes[event.by] = event

    def waived(self, event: a.ApprovalWaived) -> None:
        """The gate was waived."""
        self._waived = event.by

    def lapsed(self, event: a.ApprovalLapsed) -> None:
        """Approvals, or the waiver, no longer count."""
        if event.code == "waiver_expired":
            self._waived = ""
        else:
            self._yes = {by: one for by, one in self._yes.items() if by not in event.approvers}

    def settled(self, event: Any) -> None:
        """One item is no longer in flight."""
        self._in_flight.discard(event.work_id)

    def stopping(self, event: e.StopRequested) -> None:
        """It is to go back."""
        hold("I14", not self._crossed, "it goes back after the point of no return")
        self._back, self._intent, self._to_step, self._skipped_now = True, event.intent, event.to_step, False

    def overruled(self, event: RewindOverruled) -> None:
        """It does not only go back to a step, or stays there."""
        hold("I8", self._back and self._intent in ("retry", "paused"), f"{event.intent} instead of {self._intent}")
        self._intent = event.intent
        self._to_step = self._to_step if event.intent in ("retry", "paused") else 0
        self._undo = sorted((step for step in self._acts if step >= self._to_step), reverse=True)

    def going_back(self, event: e.RollbackStarted) -> None:
        """Everything is at rest; compensations follow."""
        assert self.plan is not None
        hold("I2", not self._in_flight, f"undoing begins with {self._in_flight} in flight")
        self._undo = sorted((step for step in self._acts if step >= self._to_step), reverse=True)
        names = tuple(self.plan.steps[step].name for step in self._undo)
        hold("I2", event.steps == names, f"{event.steps} will be undone, but {names} must be")

    def compensated(self, event: e.StepCompensated) -> None:
        """The effect of a step is undone."""
        hold("I2", self._undo[:1] == [event.step], f"step {event.step} was undone out of order; left: {self._undo}")
        self._acts.discard(self._undo.pop(0))

    def skipping(self, event: e.CompensationSkipped) -> None:
        """The effect of a step was left standing."""
        hold("I2", self._undo[:1] == [event.step], f"step {event.step} was skipped out of order; left: {self._undo}")
        self._acts.discard(self._undo.pop(0))
        self.skipped.add(event.step)
        if self._intent in ("retry", "paused"):
            self._intent, self._undo = "rolled_back", sorted(self._acts, reverse=True)
        self._skipped_now = True

    def rewound(self, event: RewindCompleted) -> None:
        """It goes forward again."""
        hold("I8", not self._undo and not self._skipped_now, f"round {event.round} begins with effects standing: {self._undo}")
        hold("I8", self._intent in ("retry", "paused"), f"round {event.round} begins, but it shall end as {self._intent}")
        hold("I8", event.round == self._round + 1, f"round {event.round} follows {self._round}")
        self._cursor, self._round, self._back = event.step, event.round, False

    def end(self, event: Any) -> None:
        """It has ended."""
        self.ended, self.archive_at = True, event.archive_at
        hold("I21", not self._slots, f"ended with slots of {sorted(self._slots)}")
        if type(event) is e.MigrationCompleted:
            assert self.plan is not None
            hold("I1", self._cursor == len(self.plan.steps), f"completed while step {self._cursor} is due")
        elif type(event) is not e.MigrationRejected:
            hold("I2", not self._acts and not self._undo, f"ended with steps {sorted(self._acts)} not undone")


_CHANGES: dict[type[Any], Callable[[Ledger, Any], None]] = {
    e.MigrationRequested: Ledger.requested,
    g.MigrationAdmitted: Ledger.admitted,
    g.SlotTaken: lambda ledger, event: ledger._slots.add(event.capacity),
    g.SlotLost: lambda ledger, event: ledger._slots.discard(event.capacity),
    g.SlotsReleased: lambda ledger, event: ledger._slots.difference_update(event.capacities),
    e.MigrationPlanned: Ledger.planned,
    e.WorkDispatched: Ledger.dispatched,
    e.AttemptFailed: lambda ledger, event: ledger._given(event.retry),
    e.ChunkSucceeded: Ledger.settled,
    e.StepSucceeded: Ledger.succeeded,
    e.StepFailed: Ledger.settled,
    e.ApprovalRequested: Ledger.at_gate,
    e.ApprovalGiven: Ledger.approved,
    a.ApprovalWaived: Ledger.waived,
    WayBackRehearsed: Ledger.rehearsed,
    a.ApprovalLapsed: Ledger.lapsed,
    e.WorkSettled: Ledger.settled,
    e.StopRequested: Ledger.stopping,
    RewindOverruled: Ledger.overruled,
    e.RollbackStarted: Ledger.going_back,
    e.StepCompensated: Ledger.compensated,
    e.CompensationSkipped: Ledger.skipping,
    RewindCompleted: Ledger.rewound,
    e.MigrationRejected: Ledger.end,
    e.MigrationRolledBack: Ledger.end,
    e.MigrationCancelled: Ledger.end,
    e.MigrationCompleted: Ledger.end,
}
