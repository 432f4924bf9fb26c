"""What happened to one migration, folded from event documents as the API gives them. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RUNNING, DONE, FAILED, UNDOING, UNDONE, SKIPPED, WAITING = "running", "done", "failed", "undoing", "undone", "skipped", "waiting"
GOOD_END = "completed"
_MOVES_ON = ("WorkDispatched", "CompensationSkipped", "StopRequested", "WaitStarted", "ApprovalRequested")
ENDS = {
    "MigrationCompleted": GOOD_END,
    "MigrationRejected": "rejected",
    "MigrationRolledBack": "rolled_back",
    "MigrationCancelled": "cancelled",
}


def micros(rfc3339: str) -> int:
    """A time of an event document in microseconds since the epoch."""
    return round(datetime.fromisoformat(rfc3339).timestamp() * 1_000_000)


@dataclass
class StepView:
    """One step and how it stands. Times are microseconds since the epoch, 0 for not yet."""

    name: str
    phase: str = ""
    title: str = ""
    compensation: str = ""
    point_of_no_return: bool = False
    state: str = ""
    began: int = 0
    ended: int = 0
    attempts: int = 0
    evidence: dict[str, Any] = field(default_factory=dict)
    done_chunks: int = 0
    chunks: int = 0


@dataclass
class Story:
    """A migration as far as its events tell. `end` is empty while it goes on; `stuck` says that it waits for an operator."""

    id: str
    status: str = "requested"
    steps: list[StepView] = field(default_factory=list)
    version: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""
    end: str = ""
    stuck: str = ""
    began: int = 0
    ended: int = 0
    last: str = ""

    def take(self, event: dict[str, Any]) -> str:
        """Fold one event document; returns a line that tells of it, empty when there is nothing to tell or it was known."""
        if event["aggregate"] != "migration" or event["id"] != self.id or 0 < event["version"] <= self.version:
            return ""
        self.version = max(self.version, event["version"])
        at = micros(event["recordedAt"])
        self.began = self.began or at
        kind, data = event["type"], event["data"]
        self.stuck = "" if kind in _MOVES_ON else self.stuck
        if kind in ENDS:
            self._finish(kind, data, at)
        self.last = _HANDLERS[kind](self, data, at) if kind in _HANDLERS else ""
        return self.last

    def _finish(self, kind: str, data: dict[str, Any], at: int) -> None:
        self.end = self.status = ENDS[kind]
        self.ended, self.reason = at, data.get("reason", self.reason)
        self.problems = list(data.get("problems", self.problems))

    def step(self, data: dict[str, Any]) -> StepView:
        """The step that an event speaks of."""
        number = data["step"] if "step" in data else data["work"]["step"]
        return self.steps[number] if 0 <= number < len(self.steps) else StepView(data.get("name") or "planning")

    @property
    def running(self) -> StepView | None:
        """The step at work."""
        return next((step for step in self.steps if step.state in (RUNNING, UNDOING, WAITING)), None)

    @property
    def evidence(self) -> dict[str, Any]:
        """Everything found or done so far, by step."""
        return {step.name: step.evidence for step in self.steps if step.evidence}


def _planned(story: Story, data: dict[str, Any], at: int) -> str:
    names = ("name", "phase", "title", "compensation", "point_of_no_return", "chunks")
    story.steps = [StepView(**{name: step[name] for name in names if name in step}) for step in data["plan"]["steps"]]
    story.status = "planned"
    return f"planned: {len(story.steps)} steps. {data['plan'].get('summary', '')}"


def _dispatched(story: Story, data: dict[str, Any], at: int) -> str:
    work, step = data["work"], story.step(data)
    story.status = data["phase"]
    if work["direction"] == "plan":
        return "looking at source and target"
    if work["direction"] == "undo":
        step.state, step.began = UNDOING, at
        return f"undoing {step.name}: {step.compensation}"
    first = step.state != RUNNING
    step.state, step.attempts = RUNNING, work["attempt"]
    step.began = at if first else step.began
    return (f"{step.name}: {step.title}" + (" (point of no return)" if data["point_of_no_return"] else "")) if first else ""


def _succeeded(story: Story, data: dict[str, Any], at: int) -> str:
    step = story.step(data)
    step.state, step.ended, step.evidence = DONE, at, data.get("evidence", {})
    return f"{step.name}: done {facts(step.evidence)}".rstrip()


def _chunk(story: Story, data: dict[str, Any], at: int) -> str:
    story.step(data).done_chunks += 1
    return ""


def _attempt_failed(story: Story, data: dict[str, Any], at: int) -> str:
    work = data["retry"]
    step = story.step({"work": work, "name": data["name"]})
    step.attempts = work["attempt"]
    return f"{step.name}: {data['problem']['message']}; attempt {work['attempt']} follows"


def _failed(story: Story, data: dict[str, Any], at: int) -> str:
    step, problem = story.step(data), data["problem"]
    step.state, step.ended, story.status = FAILED, at, "failed"
    story.problems = [problem]
    if data["held"]:
        story.stuck = "held"
    return f"{step.name} failed: {problem['message']} ({problem['code']})"


def _waits(status: str, line: str) -> Any:
    def handle(story: Story, data: dict[str, Any], at: int) -> str:
        step = story.step(data)
        story.status, step.state, step.began = status, WAITING, at
        return f"{step.name}: {line.format(id=story.id)}"

    return handle


def _gate(line: str) -> Any:
    def handle(story: Story, data: dict[str, Any], at: int) -> str:
        story.status = "waiting"
        return line.format(**data)

    return handle


def _approved(story: Story, data: dict[str, Any], at: int) -> str:
    who = data["by"] + (f" for {data['right_of']}" if data["right_of"] != data["by"] else "")
    return f"{data['name']}: approved by {who}" + (f", {data['missing']} more needed" if data["missing"] else "")


def _paused(story: Story, data: dict[str, Any], at: int) -> str:
    story.status = "paused"
    return f"paused: {data['reason']}"


def _resumed(story: Story, data: dict[str, Any], at: int) -> str:
    story.status = data["phase"]
    return "resumed"


def _stop(story: Story, data: dict[str, Any], at: int) -> str:
    story.status, story.reason = "stopping", data["reason"]
    return f"going back ({data['intent']}): {data['reason']}"


def _overruled(story: Story, data: dict[str, Any], at: int) -> str:
    story.reason = data["reason"]
    return f"going back ({data['intent']}) instead: {data['reason']}"


def _rollback(story: Story, data: dict[str, Any], at: int) -> str:
    story.status = "rolling_back"
    return f"rolling back: {', '.join(data['steps']) or 'nothing to undo'}"


def _compensated(story: Story, data: dict[str, Any], at: int) -> str:
    step = story.step(data)
    step.state, step.ended = UNDONE, at
    return f"{step.name}: undone"


def _skipped(story: Story, data: dict[str, Any], at: int) -> str:
    step = story.step(data)
    step.state, step.ended, story.status = SKIPPED, at, "rolling_back"
    return f"{step.name}: left as it is ({data['reason']})"


def _stuck(story: Story, data: dict[str, Any], at: int) -> str:
    step = story.step(data)
    step.state, story.status, story.stuck, story.problems = FAILED, "rollback_stuck", "rollback_stuck", [data["problem"]]
    return f"rollback stuck at {step.name}: {data['problem']['message']}"


def _rewound(story: Story, data: dict[str, Any], at: int) -> str:
    for step in story.steps[data["step"] :]:
        step.state, step.began, step.ended, step.done_chunks = "", 0, 0, 0
    return f"going forward again from {story.step(data).name}"


def _ended(line: str) -> Any:
    return lambda story, data, at: line + (f": {data['reason']}" if data.get("reason") else "")


def _archived(story: Story, data: dict[str, Any], at: int) -> str:
    story.status = "archived"
    return "archived: it has left live state"


_HANDLERS: dict[str, Any] = {
    "MigrationRequested": lambda story, data, at: f"requested: move {data['request']['application']} by {data['request']['provider']}",
    "MigrationPlanned": _planned,
    "AdmissionAwaited": _gate("waits for the wave {wave} to admit it"),
    "MigrationAdmitted": lambda story, data, at: "admitted by its wave",
    "AdmissionDeclined": lambda story, data, at: f"the wave does not know that it depends on {', '.join(data['undeclared'])}",
    "SlotRequested": _gate("waits for a slot of {capacity}"),
    "SlotTaken": lambda story, data, at: f"holds a slot of {data['capacity']}",
    "SlotLost": lambda story, data, at: f"lost its slot of {data['capacity']}: {data['reason']}",
    "SlotsReleased": lambda story, data, at: f"gave back {', '.join(data['capacities'])}",
    "WorkDispatched": _dispatched,
    "StepSucceeded": _succeeded,
    "ChunkSucceeded": _chunk,
    "AttemptFailed": _attempt_failed,
    "StepFailed": _failed,
    "WaitStarted": _waits("waiting", "waits for its time"),
    "ApprovalRequested": _waits("awaiting_approval", "waits for a person: whimbrel approve {id}"),
    "ApprovalGiven": _approved,
    "WayBackRehearsed": lambda story, data, at: f"way back rehearsed: {'passed' if data['passed'] else 'FAILED'}: {data['reason']}",
    "ApprovalDelegated": lambda story, data, at: (
        f"{data['name']}: {data['by']} handed the right to approve to {data['to']}: {data['reason']}"
    ),
    "ApprovalWaived": lambda story, data, at: f"{data['name']}: waived by {data['by']}, not approved: {data['reason']}",
    "ApprovalLapsed": lambda story, data, at: f"{data['name']}: no longer counts, of {', '.join(data['approvers'])}: {data['reason']}",
    "MigrationPaused": _paused,
    "MigrationResumed": _resumed,
    "StopRequested": _stop,
    "RewindOverruled": _overruled,
    "RollbackStarted": _rollback,
    "StepCompensated": _compensated,
    "CompensationSkipped": _skipped,
    "RollbackStuck": _stuck,
    "RewindCompleted": _rewound,
    "RetryRequested": lambda story, data, at: "trying again",
    "CommandRefused": lambda story, data, at: f"{data['command']} refused: {data['message']}",
    "MigrationRejected": lambda story, data, at: f"rejected: {len(data['problems'])} problems forbid it; nothing was touched",
    "MigrationRolledBack": _ended("rolled back; the source is as it was"),
    "MigrationCancelled": _ended("cancelled"),
    "MigrationCompleted": lambda story, data, at: f"completed: all {data['steps']} steps",
    "MigrationArchived": _archived,
}


def facts(evidence: dict[str, Any]) -> str:
    """Evidence in brackets, numbers with thousands set apart."""
    told = [f"{name} {value:,}" if type(value) is int and abs(value) < 10**12 else f"{name} {value}" for name, value in evidence.items()]
    return f"({', '.join(told)})" if told else ""
