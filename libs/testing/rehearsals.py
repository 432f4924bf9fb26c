"""Live state for rehearsals without servers: commands answered at once, in a time that is said, and forked."""

from collections import deque
from typing import Any

from libs.contracts.capacity import CapacitySettings, SetCapacity
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import ReportPlan, RequestMigration
from libs.contracts.migration.plan import Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.wave.commands import AddMembers, PlanWave
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.policies import POLICIES
from libs.rehearse.answering import Answer, Entry, Sent, answer
from libs.rehearse.fork import Fork, Listener
from libs.rehearse.history import OK, Attempt, History, Key, Learner
from libs.testing.migrations import act, plan_of

TENANT, NOW, SECOND = "acme", 1_767_225_600_000_000, 1_000_000
STEPS = (act("copy"), act("switch"))


class Live:
    """Everything that was decided so far. `now` is virtual time, in microseconds since the epoch; set it as you like."""

    def __init__(self) -> None:
        self.now, self.states, self.entries = NOW, dict[tuple[str, str], Any](), list[tuple[str, Entry]]()
        self.ended_at: dict[str, int] = {}
        self._asked = 0

    def give(self, kind: str, aggregate: str, body: Any, actor: str = "subject-1", command_id: str = "") -> Answer:
        """Decide a command, and all that policies make of it."""
        self._asked += 1
        envelope = CommandEnvelope(
            command_id=command_id or f"key-{self._asked}",
            tenant=TENANT,
            aggregate=aggregate,
            environment="dev",
            actor=actor,
            correlation_id="c-1",
            occurred_at=self.now,
        )
        first = self._decide(Sent(kind, Command(envelope, body)))
        waiting = deque(first.sent)
        while waiting:
            waiting.extend(self._decide(waiting.popleft()).sent)
        return first

    def _decide(self, sent: Sent) -> Answer:
        kind, command = sent
        id_ = (kind, command.envelope.aggregate)
        answered = answer(DECIDERS[kind], POLICIES, self.states.get(id_, DECIDERS[kind].initial), command, self.now)
        if answered.exists:
            self.states[id_] = answered.state
        self.entries += [(kind, entry) for entry, _ in answered.events]
        if kind == "migration" and answered.state.mode == "ended":
            self.ended_at.setdefault(id_[1], self.now)
        return answered

    def migration(self, name: str, *steps: Step, plan: Plan | None = None, **request: Any) -> None:
        """A migration that was asked for and planned."""
        asked = {"provider": "rehearsal", "application": "billing", "source": "{}", "target": "{}"} | request
        self.give("migration", name, RequestMigration(request=Request(**asked)))
        work_id = f"{TENANT}/{name}/plan/-/plan/1"
        made = plan or plan_of(*(steps or STEPS))
        self.give("migration", name, ReportPlan(work_id=work_id, attempt=1, plan=made), "verifier", f"{work_id}#1")

    def wave(self, name: str, *members: Member, **settings: Any) -> None:
        """A wave that was planned and has these members."""
        self.give("wave", name, PlanWave(settings=WaveSettings(**settings)))
        for first in range(0, len(members), 1_000):
            self.give("wave", name, AddMembers(members=members[first : first + 1_000]))

    def fleet(self, wave: str, count: int, *steps: Step, request: dict[str, Any] | None = None, **settings: Any) -> list[str]:
        """A wave of so many planned migrations that depend on nobody; their names."""
        names = [f"{wave}-{number:04d}" for number in range(count)]
        plan = plan_of(*(steps or STEPS))
        for name in names:
            self.migration(name, plan=plan, wave=wave, **(request or {}))
        self.wave(wave, *(Member(migration=name) for name in names), **settings)
        return names

    def capacity(self, name: str, **settings: Any) -> None:
        """A capacity with these settings."""
        self.give("capacity", name, SetCapacity(settings=CapacitySettings(**settings)))

    def fork(self, history: History | None = None, listeners: tuple[Listener, ...] = ()) -> Fork:
        """The fork at this moment."""
        return Fork(
            position="migration:0:1",
            learnt_at="migration:0:1",
            at=self.now,
            tenant=TENANT,
            environment="dev",
            states=dict(self.states),
            unsent=(),
            ended_at=dict(self.ended_at),
            history=history or always(),
            listeners=listeners,
        )


def always(seconds: float = 60.0, lag_s: float = 0.0) -> History:
    """A history in which everything took so long and went well, and policies' commands took `lag_s`."""
    learner = Learner()
    for direction, took in {"apply": seconds, "check": seconds, "undo": seconds, "plan": seconds, "wake": 0.0, "lag": lag_s}.items():
        for number in range(10):
            learner.course(Key("", "", direction), NOW - number, (Attempt(round(took * SECOND), OK),))
    return learner.history()
