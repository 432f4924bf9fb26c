"""What of a migration's history still stands: each thing that it waits for, by the one event that says so."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.rewinding import RewindCompleted, RewindOverruled
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.contracts.work import CHECK
from libs.domain.holdup.cause import Event, Facts
from libs.domain.migration.approvals import WAIVER_EXPIRED

ENDS = (e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled, e.MigrationRejected)


class Evidence(NamedTuple):
    """One check that succeeded: what a go/no-go gate rests on."""

    step: str
    facts: Facts
    at: int
    version: int
    event: str
    """Id of the event."""


class Standing:
    """What stands after some events of one migration. None where nothing of that kind does."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self.request: Event | None = None
        self.plan: Event | None = None
        self.work: dict[str, Event] = {}
        """By work id, the WorkDispatched or AttemptFailed that says which attempt is in flight."""
        self.wait: Event | None = None
        """WaitStarted or ApprovalRequested."""
        self.answers: list[Event] = []
        """At a gate: the approvals that count, rights that were handed on, the waiver, and the last lapse."""
        self.evidence_since: Event | None = None
        """At a gate: the ApprovalRequested, or a later WayBackRehearsed, from which on all that it rests on is known."""
        self.way_back: Event | None = None
        """The last WayBackRehearsed, by when it was rehearsed."""
        self.checks: dict[int, Event] = {}
        """By step, the StepSucceeded of each check."""
        self.admission: Event | None = None
        self.declined: Event | None = None
        self.slot: Event | None = None
        """SlotRequested, or the SlotLost after which it asks again later."""
        self.paused: Event | None = None
        self.failed: dict[str, Event] = {}
        """By work id, each StepFailed that is held for an operator."""
        self.stopping: Event | None = None
        self.overruled: Event | None = None
        self.stuck: Event | None = None
        self.end: Event | None = None

    def take(self, event: Event) -> None:
        """Go on with the next event."""
        self.last = event
        _CHANGES.get(type(event.body), _nothing)(self, event)

    def rest(self) -> None:
        """Nothing is waited for any more."""
        self.wait = self.admission = self.declined = self.slot = self.paused = self.stopping = self.overruled = self.stuck = None
        self.failed.clear()
        self.answers = []

    @property
    def evidence(self) -> list[Evidence]:
        """What a gate at this point rests on."""
        found = (self.checks[step] for step in sorted(self.checks))
        return [
            Evidence(one.body.name, one.body.evidence, one.envelope.recorded_at, one.envelope.version, one.envelope.event_id)
            for one in found
        ]


def standing(events: Iterable[Event]) -> Standing:
    """What stands after events of one migration, oldest first. Events that change nothing of it may be left out."""
    found = Standing()
    for event in events:
        if event.envelope.version:
            found.take(event)
    return found


def _nothing(found: Standing, event: Event) -> None:
    pass


def _requested(found: Standing, event: Event) -> None:
    found.request = event


def _planned(found: Standing, event: Event) -> None:
    found.plan = event
    found.work.clear()


def _dispatched(found: Standing, event: Event) -> None:
    _attempted(found, event, event.body.work.work_id)
    found.stuck = None


def _tried_again(found: Standing, event: Event) -> None:
    _attempted(found, event, event.body.retry.work_id)


def _attempted(found: Standing, event: Event, work_id: str) -> None:
    # In the order of the events named, so that these alone lead to the same order.
    found.work.pop(work_id, None)
    found.work[work_id] = event


def _work_over(found: Standing, event: Event) -> None:
    found.work.pop(event.body.work_id, None)


def _step_over(found: Standing, event: Event) -> None:
    _work_over(found, event)
    found.wait, found.answers = None, []
    if event.body.work_id.split("/")[-2:-1] == [CHECK]:
        found.checks[event.body.step] = event


def _answered(found: Standing, event: Event) -> None:
    found.answers = [one for one in found.answers if _key(one) != _key(event)] + [event]


def _key(event: Event) -> tuple[type[Any], str]:
    """Of one kind by one person only the last counts; of lapses, the last."""
    return type(event.body), getattr(event.body, "by", "")


def _lapsed(found: Standing, event: Event) -> None:
    gone = (a.ApprovalWaived,) if event.body.code == WAIVER_EXPIRED else (e.ApprovalGiven,)
    kept = [one for one in found.answers if not (isinstance(one.body, gone) and one.body.by in event.body.approvers)]
    found.answers = [one for one in kept if not isinstance(one.body, a.ApprovalLapsed)] + [event]


def _rehearsed(found: Standing, event: Event) -> None:
    if found.way_back is None or found.way_back.body.at <= event.body.at:
        found.way_back = event
    found.evidence_since = event


def _rewound(found: Standing, event: Event) -> None:
    found.checks = {step: check for step, check in found.checks.items() if step < event.body.step}


def _failed(found: Standing, event: Event) -> None:
    _work_over(found, event)
    if event.body.held:
        found.failed[event.body.work_id] = event
        found.wait = found.slot = found.paused = None
        found.answers = []


def _waits(found: Standing, event: Event) -> None:
    found.wait, found.answers, found.evidence_since = event, [], event


def _admission_awaited(found: Standing, event: Event) -> None:
    found.admission, found.declined = event, None


def _declined(found: Standing, event: Event) -> None:
    found.declined = event


def _admitted(found: Standing, event: Event) -> None:
    found.admission = found.declined = None


def _slot_requested(found: Standing, event: Event) -> None:
    found.slot = event


def _slot_taken(found: Standing, event: Event) -> None:
    found.slot = None


def _slot_lost(found: Standing, event: Event) -> None:
    found.slot = event if event.body.retry_at else None


def _slots_released(found: Standing, event: Event) -> None:
    if found.slot is not None and type(found.slot.body) is g.SlotRequested:
        found.slot = None


def _paused(found: Standing, event: Event) -> None:
    found.paused, found.slot = event, None


def _resumed(found: Standing, event: Event) -> None:
    found.paused = None


def _retried(found: Standing, event: Event) -> None:
    found.failed.clear()
    found.stuck = None


def _stopping(found: Standing, event: Event) -> None:
    found.rest()
    found.stopping = event


def _overruled(found: Standing, event: Event) -> None:
    found.overruled = event


def _going_back(found: Standing, event: Event) -> None:
    found.stopping = found.overruled = found.stuck = None


def _stuck(found: Standing, event: Event) -> None:
    found.stuck = event
    found.work.clear()


def _ended(found: Standing, event: Event) -> None:
    found.rest()
    found.work.clear()
    found.end = event


_CHANGES: dict[type[Any], Callable[[Standing, Event], None]] = {
    e.MigrationRequested: _requested,
    e.MigrationPlanned: _planned,
    e.WorkDispatched: _dispatched,
    e.AttemptFailed: _tried_again,
    e.ChunkSucceeded: _work_over,
    e.StepSucceeded: _step_over,
    e.StepFailed: _failed,
    e.WorkSettled: _work_over,
    e.StepCompensated: _work_over,
    e.WaitStarted: _waits,
    e.ApprovalRequested: _waits,
    e.ApprovalGiven: _answered,
    a.ApprovalDelegated: _answered,
    a.ApprovalWaived: _answered,
    a.ApprovalLapsed: _lapsed,
    RewindCompleted: _rewound,
    WayBackRehearsed: _rehearsed,
    g.AdmissionAwaited: _admission_awaited,
    g.AdmissionDeclined: _declined,
    g.MigrationAdmitted: _admitted,
    g.SlotRequested: _slot_requested,
    g.SlotTaken: _slot_taken,
    g.SlotLost: _slot_lost,
    g.SlotsReleased: _slots_released,
    e.MigrationPaused: _paused,
    e.MigrationResumed: _resumed,
    e.RetryRequested: _retried,
    e.StopRequested: _stopping,
    RewindOverruled: _overruled,
    e.RollbackStarted: _going_back,
    e.CompensationSkipped: _going_back,
    e.RollbackStuck: _stuck,
    **dict.fromkeys(ENDS, _ended),
}
IN_FLIGHT = (e.WorkDispatched, e.AttemptFailed)
CHANGING = tuple(kind for kind in _CHANGES if kind not in (*IN_FLIGHT, e.ChunkSucceeded, e.WorkSettled, e.StepCompensated))
"""Types of events that what stands depends on, apart from work in flight."""
