"""A small reference model of a migration's life, written from the design alone: which event may follow which.

Shares no code with the decider. `Model.take` raises Illegal for an event that must not be there.
"""

from typing import Any

Body = dict[str, Any]
ENDS = {"MigrationRejected", "MigrationRolledBack", "MigrationCancelled", "MigrationCompleted"}
_IN: dict[str, set[str]] = {
    "MigrationRequested": {"new"},
    "MigrationPlanned": {"checking"},
    "MigrationRejected": {"checking"},
    "AdmissionAwaited": {"running"},
    "MigrationAdmitted": {"running", "paused"},
    "AdmissionDeclined": {"running", "paused"},
    "SlotRequested": {"running", "paused", "held"},
    "SlotTaken": {"running", "paused", "held"},
    "SlotLost": {"running", "paused", "held"},
    "SlotsReleased": {"running", "paused", "held", "stopping", "rolling", "stuck"},
    "WorkDispatched": {"checking", "running", "held", "stopping", "rolling", "stuck"},
    "ChunkSucceeded": {"running", "paused", "held"},
    "StepSucceeded": {"running", "paused", "held"},
    "AttemptFailed": {"checking", "running", "paused", "held", "stopping", "rolling"},
    "StepFailed": {"running", "paused", "held"},
    "WaitStarted": {"running", "held"},
    "ApprovalRequested": {"running", "held"},
    "ApprovalGiven": {"running", "paused"},
    "WayBackRehearsed": {"checking", "running", "paused", "held", "stopping", "rolling", "stuck"},
    "ApprovalDelegated": {"running", "paused"},
    "ApprovalWaived": {"running", "paused"},
    "ApprovalLapsed": {"running", "paused"},
    "MigrationPaused": {"running", "paused"},
    "MigrationResumed": {"paused"},
    "RetryRequested": {"held", "stuck"},
    "StopRequested": {"running", "paused", "held"},
    "RewindOverruled": {"stopping", "rolling", "stuck"},
    "WorkSettled": {"stopping"},
    "RollbackStarted": {"stopping"},
    "StepCompensated": {"rolling"},
    "RollbackStuck": {"rolling"},
    "CompensationSkipped": {"stuck"},
    "RewindCompleted": {"rolling"},
    "MigrationRolledBack": {"rolling"},
    "MigrationCancelled": {"checking", "rolling"},
    "MigrationCompleted": {"running", "held"},
    "MigrationArchived": {"ended"},
}
_THEN = {
    "MigrationRequested": "checking",
    "MigrationPlanned": "running",
    "WaitStarted": "running",
    "ApprovalRequested": "running",
    "MigrationPaused": "paused",
    "MigrationResumed": "running",
    "StopRequested": "stopping",
    "RollbackStarted": "rolling",
    "RollbackStuck": "stuck",
    "CompensationSkipped": "rolling",
    "RewindCompleted": "running",
    **dict.fromkeys(ENDS, "ended"),
    "MigrationArchived": "archived",
}


class Illegal(Exception):
    """An event that must not follow what came before it."""


class Model:
    """One migration as its events tell it. `mode` says who must move next; `steps` is the frozen plan."""

    def __init__(self) -> None:
        self.mode, self.outcome = "new", ""
        self.steps: list[Body] = []
        self.in_flight: dict[str, int] = {}
        self.awaiting = ""
        self.to_undo: list[str] = []
        self.skipped: set[str] = set()
        self._fence, self._round, self._step = 0, 1, 0
        self._acted: set[int] = set()
        self._crossed, self._intent = False, ""

    def take(self, kind: str, body: Body) -> None:
        """Follow one event. Raises Illegal."""
        if kind == "CommandRefused":
            return
        if self.mode not in _IN.get(kind, ()):
            raise Illegal(f"{kind} while {self.mode}")
        follow = getattr(self, f"_{kind}", None)
        if follow is not None:
            follow(body)
        self.mode = _THEN.get(kind, self.mode)
        self.outcome = kind if kind in ENDS else self.outcome

    def _end(self, work_id: str) -> None:
        if self.in_flight.pop(work_id, None) is None:
            raise Illegal(f"{work_id} ended, but was not in flight")

    def _raise_fence(self, work: Body) -> None:
        if work["fence"] <= self._fence:
            raise Illegal(f"fence {work['fence']} of {work['work_id']} is not above {self._fence}")
        self._fence = work["fence"]

    def _WorkDispatched(self, body: Body) -> None:
        work, direction = body["work"], body["work"]["direction"]
        self._raise_fence(work)
        if work["work_id"] in self.in_flight:
            raise Illegal(f"{work['work_id']} dispatched twice")
        allowed = {
            "plan": {"checking"},
            "undo": {"rolling", "stuck"},
            "apply": {"running", "held"},
            "check": {"running", "held", "stopping"},
        }
        if self.mode not in allowed[direction]:
            raise Illegal(f"{direction} dispatched while {self.mode}")
        self.in_flight[work["work_id"]] = work["attempt"]
        if direction == "undo":
            self._dispatch_undo(body)
        elif direction != "plan" and self.mode != "stopping":
            self._dispatch_step(body)

    def _dispatch_undo(self, body: Body) -> None:
        if body["name"] != (self.to_undo or [""])[0]:
            raise Illegal(f"undo of {body['name']}, but {self.to_undo[:1]} is next")
        self.mode = "rolling"

    def _dispatch_step(self, body: Body) -> None:
        work = body["work"]
        if work["step"] != self._step or work["round"] != self._round:
            raise Illegal(f"step {work['step']} round {work['round']} dispatched at step {self._step} round {self._round}")
        if work["direction"] == "apply":
            self._acted.add(work["step"])
        self._crossed = self._crossed or body["point_of_no_return"]
        self.mode = "running"

    def _MigrationPlanned(self, body: Body) -> None:
        self.steps = body["plan"]["steps"]
        self.in_flight.clear()

    def _ChunkSucceeded(self, body: Body) -> None:
        self._end(body["work_id"])

    def _StepSucceeded(self, body: Body) -> None:
        if body["step"] != self._step:
            raise Illegal(f"step {body['step']} succeeded at step {self._step}")
        if body["work_id"]:
            self._end(body["work_id"])
        if self.in_flight:
            raise Illegal(f"step {body['step']} succeeded with {len(self.in_flight)} items in flight")
        self._step, self.awaiting = self._step + 1, ""

    def _AttemptFailed(self, body: Body) -> None:
        retry = body["retry"]
        self._raise_fence(retry)
        if self.in_flight.get(retry["work_id"]) != retry["attempt"] - 1:
            raise Illegal(f"attempt {retry['attempt']} of {retry['work_id']} follows {self.in_flight.get(retry['work_id'])}")
        self.in_flight[retry["work_id"]] = retry["attempt"]

    def _StepFailed(self, body: Body) -> None:
        if body["work_id"]:
            self._end(body["work_id"])
        if body["held"]:
            self.mode, self.awaiting = "held", ""

    def _WaitStarted(self, body: Body) -> None:
        self.awaiting = "time"

    def _ApprovalRequested(self, body: Body) -> None:
        self.awaiting = "approval"

    def _StopRequested(self, body: Body) -> None:
        if self._crossed:
            raise Illegal("stopped past the point of no return")
        self._intent, self._to_step, self.awaiting = body["intent"], body["to_step"], ""

    def _RewindOverruled(self, body: Body) -> None:
        if self._intent not in ("retry", "paused"):
            raise Illegal(f"{body['intent']} instead of {self._intent}")
        self._intent = body["intent"]
        self._to_step = self._to_step if self._intent in ("retry", "paused") else 0
        if self.mode != "stopping":
            self.to_undo = self._due()

    def _due(self) -> list[str]:
        """Names of the steps to undo, the latest first."""
        due = (i for i in sorted(self._acted, reverse=True) if i >= self._to_step and self.steps[i]["compensation"])
        return [self.steps[i]["name"] for i in due]

    def _WorkSettled(self, body: Body) -> None:
        self._end(body["work_id"])

    def _RollbackStarted(self, body: Body) -> None:
        if self.in_flight:
            raise Illegal("rollback started with work in flight")
        self.to_undo = self._due()
        if list(body["steps"]) != self.to_undo:
            raise Illegal(f"rollback will undo {body['steps']}, but {self.to_undo} were dispatched")

    def _undone(self, body: Body) -> None:
        if not self.to_undo or self.to_undo.pop(0) != body["name"]:
            raise Illegal(f"{body['name']} undone out of order")
        self._acted.discard(body["step"])

    def _StepCompensated(self, body: Body) -> None:
        self._end(body["work_id"])
        self._undone(body)

    def _RollbackStuck(self, body: Body) -> None:
        self.in_flight.clear()

    def _CompensationSkipped(self, body: Body) -> None:
        self.skipped.add(body["name"])
        self._undone(body)

    def _arrived(self, intent: str) -> None:
        if self._intent != intent or self.to_undo or self.in_flight:
            raise Illegal(f"ended as {intent}, but {self._intent} was asked for and {self.to_undo} are left")

    def _RewindCompleted(self, body: Body) -> None:
        self._arrived("paused" if self._intent == "paused" else "retry")
        if body["round"] != self._round + 1 or body["step"] != self._to_step:
            raise Illegal(f"rewound to step {body['step']} round {body['round']}")
        self._step, self._round = body["step"], body["round"]
        self._acted = {step for step in self._acted if step < self._step}

    def _MigrationRolledBack(self, body: Body) -> None:
        self._arrived("rolled_back")

    def _MigrationCancelled(self, body: Body) -> None:
        if self.mode == "rolling":
            self._arrived("cancelled")
        self.in_flight.clear()

    def _MigrationRejected(self, body: Body) -> None:
        self.in_flight.clear()

    def _MigrationCompleted(self, body: Body) -> None:
        if self._step != len(self.steps) or self.in_flight:
            raise Illegal(f"completed at step {self._step} of {len(self.steps)} with {len(self.in_flight)} items in flight")
