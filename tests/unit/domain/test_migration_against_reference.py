"""Any plan, any order of commands and reports: decider and naive model agree, and every invariant holds (R8)."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reference_migration import DONE, IGNORED, REFUSED, Item, Model

from libs.contracts.avro import schema_of
from libs.contracts.migration import commands as c
from libs.contracts.migration import gates as g
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Step
from libs.contracts.migration.state import MigrationState
from libs.contracts.refusal import CommandRefused
from libs.contracts.work import ReportWork, Work
from libs.domain.decider import Command
from libs.domain.migration import DECIDER
from libs.domain.migration.gates import of
from libs.testing.given_when_then import AGGREGATE, NOW, SECOND, envelope_of
from libs.testing.migrations import BROKEN, REQUEST, planned, work_id
from libs.testing.simulator.log import Log

EXAMPLES = int(os.environ.get("WHIMBREL_HYPOTHESIS_EXAMPLES", "200"))
pytestmark = pytest.mark.timeout(max(180, EXAMPLES))
CAPACITIES = ["calendar/prod", "limit/host", "rate/starts"]
LIMITS: st.SearchStrategy[list[str]] = st.one_of(st.just([]), st.lists(st.sampled_from(CAPACITIES), max_size=3))
OUTCOMES = st.sampled_from(["succeeded", "succeeded", "succeeded", "failed", "stopped", "unknown"])
SMALL = st.integers(1, 3)
WISHES: dict[str, tuple[Any, Callable[[Model], str]]] = {
    "pause": (c.PauseMigration(reason="x"), Model.pause),
    "resume": (c.ResumeMigration(), Model.resume),
    "cancel": (c.CancelMigration(reason="x"), lambda model: model.go_back("cancelled")),
    "roll back": (c.RollBackMigration(reason="x"), lambda model: model.go_back("rolled_back")),
    "retry": (c.RetryMigration(), Model.retry),
    "skip": (c.SkipCompensation(reason="x"), Model.skip),
    "approve": (c.ApproveMigration(), Model.approve),
    "refuse": (c.RefuseApproval(reason="x"), Model.refuse_approval),
}


@st.composite
def plans(draw: st.DrawFn) -> tuple[Step, ...]:
    count = draw(st.integers(1, 5))
    crossing = draw(st.integers(0, 3 * count))
    return tuple(draw(steps(f"step_{number}", number == crossing)) for number in range(count))


@st.composite
def steps(draw: st.DrawFn, name: str, crossing: bool) -> Step:
    kind = ACT if crossing else draw(st.sampled_from([ACT, ACT, CHECK, WAIT]))
    if kind == WAIT:
        wait_for = draw(st.sampled_from(["time", "approval"]))
        # The model knows no time: whoever answers at a gate does so in time, or a wake has said before that it is over.
        waits = st.integers(1, 9) if wait_for == "time" else st.sampled_from([0, 10_000_000])
        return Step(name=name, phase="testing", kind=WAIT, wait_for=wait_for, wait_ms=draw(waits))
    undo = "undo it" if kind == ACT and not crossing and draw(st.integers(0, 3)) else ""
    chunks = draw(st.sampled_from([0, 0, 1, 4]))
    return Step(
        name=name,
        phase="testing",
        kind=kind,
        compensation=undo,
        attempts=draw(SMALL),
        chunks=chunks,
        window=draw(SMALL),
        point_of_no_return=crossing,
    )


class Migration(RuleBasedStateMachine):
    """One migration, told to both."""

    def __init__(self) -> None:
        super().__init__()
        self.log, self.now, self.asked = Log(DECIDER), NOW, 0
        self.given: list[Work] = []
        self.last: Command | None = None

    @property
    def state(self) -> Any:
        return self.log.state(AGGREGATE)

    def ask(self, body: Any, now: int | None = None) -> str:
        """Let the decider answer; says what kind of answer that was."""
        self.asked += 1
        self.now = max(self.now + SECOND, now or 0)
        self.last = Command(envelope_of(f"command-{self.asked}", now=self.now), body)
        return self.tell(self.last)

    def tell(self, command: Command) -> str:
        before = len(self.log.entries)
        self.log.decide(command, self.now)
        self.log.commit()
        events = [entry.body for entry in self.log.entries[before:]]
        self.given += [work for work in self.state.pending if work not in self.given]
        return REFUSED if events and type(events[0]) is CommandRefused else DONE if events else IGNORED

    @initialize(plan=plans(), hold=st.booleans(), progress=st.integers(0, 12), limits=LIMITS, wave=st.sampled_from(["", "", "w1"]))
    def start(self, plan: tuple[Step, ...], hold: bool, progress: int, limits: list[str], wave: str) -> None:
        asked = {"on_failure": "hold" if hold else "rollback", "limits": tuple(limits), "wave": wave}
        request = c.RequestMigration(request=type(REQUEST)(**_fields(REQUEST) | asked))
        assert self.ask(request) == DONE
        assert self.ask(planned(*plan)) == DONE
        self.model = Model(plan, hold, tuple(limits), bool(wave))
        for _ in range(progress):
            self.get_on()

    def get_on(self) -> None:
        """The next thing that lets it get further, if it has not come to its last step."""
        if of(self.state).at == "admission":
            assert self.ask(g.AdmitMigration(turn=1)) == self.model.admit(())
        elif of(self.state).at == "slot" and not of(self.state).ask_at:
            slot = of(self.state).slots[-1], of(self.state).turn
            assert self.ask(g.TakeSlot(capacity=slot[0], turn=slot[1])) == self.model.take(*slot)
        elif self.state.pending and self.model.at + 1 < len(self.model.steps):
            self.both_hear(self.state.pending[0], "succeeded", True)
        elif self.state.awaiting == "approval":
            assert self.ask(c.ApproveMigration()) == self.model.approve()
        elif self.state.awaiting == "time":
            assert self.ask(c.WakeMigration(wake_at=self.state.wake_at), now=self.state.wake_at) == DONE
            self.model.wake(False)

    @rule(limits=LIMITS)
    def admit(self, limits: list[str]) -> None:
        assert self.ask(g.AdmitMigration(turn=1, limits=tuple(limits))) == self.model.admit(tuple(limits))

    @precondition(lambda self: of(self.state).at == "slot")
    @rule(behind=st.sampled_from([0, 0, 0, 1]))
    def take(self, behind: int) -> None:
        capacity, turn = (of(self.state).slots or CAPACITIES)[-1], of(self.state).turn - behind
        assert self.ask(g.TakeSlot(capacity=capacity, turn=turn)) == self.model.take(capacity, turn)

    @rule(capacity=st.sampled_from(CAPACITIES), behind=st.sampled_from([0, 0, 0, 1]))
    def take_another(self, capacity: str, behind: int) -> None:
        turn = of(self.state).turn - behind
        assert self.ask(g.TakeSlot(capacity=capacity, turn=turn)) == self.model.take(capacity, turn)

    @precondition(lambda self: bool(of(self.state).slots))
    @rule(data=st.data(), behind=st.sampled_from([0, 0, 0, 1]), pause=st.integers(0, 3))
    def lose(self, data: st.DataObject, behind: int, pause: int) -> None:
        # Only who waits is told to ask again later: there was no room to wait.
        later = self.now + 3 * pause * SECOND if pause and of(self.state).at == "slot" else 0
        capacity, turn = data.draw(st.sampled_from(of(self.state).slots)), of(self.state).turn - behind
        command = g.LoseSlot(capacity=capacity, turn=turn, reason="frozen", retry_at=later)
        assert self.ask(command) == self.model.lose(capacity, turn, bool(later))

    @precondition(lambda self: self.state.pending)
    @rule(data=st.data(), outcome=OUTCOMES, retryable=st.booleans())
    def report(self, data: st.DataObject, outcome: str, retryable: bool) -> None:
        self.both_hear(data.draw(st.sampled_from(self.state.pending)), outcome, retryable)

    @precondition(lambda self: self.state.pending)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        self.both_hear(data.draw(st.sampled_from(self.state.pending)), "succeeded", True)

    @precondition(lambda self: self.given)
    @rule(data=st.data(), outcome=OUTCOMES, ahead=st.integers(0, 1))
    def report_something_old(self, data: st.DataObject, outcome: str, ahead: int) -> None:
        work = data.draw(st.sampled_from(self.given))
        self.both_hear(work, outcome, True, work.attempt + ahead)

    def both_hear(self, work: Work, outcome: str, retryable: bool, attempt: int = 0) -> None:
        if work.step < 0:
            return
        attempt = attempt or work.attempt
        problem = BROKEN if outcome == "failed" else None
        body = ReportWork(work_id=work.work_id, attempt=attempt, outcome=outcome, problem=problem, retryable=retryable)
        assert work.work_id == work_id(work.step, work.direction, chunk=work.chunk, round_=work.round)
        assert self.ask(body) == self.model.report((work.step, work.chunk, work.direction), attempt, work.round, outcome, retryable)

    @precondition(lambda self: self.state.wake_at)
    @rule(early=st.booleans())
    def wake(self, early: bool) -> None:
        wake_at = self.state.wake_at
        if early and wake_at > self.now + SECOND:
            assert self.ask(c.WakeMigration(wake_at=wake_at)) == IGNORED
            return
        to_ask = of(self.state).ask_at == wake_at
        assert self.ask(c.WakeMigration(wake_at=wake_at), now=wake_at) == DONE
        self.model.wake(to_ask)

    @rule(name=st.sampled_from(sorted(WISHES)), go_on=st.booleans())
    def wish(self, name: str, go_on: bool) -> None:
        # Half of the wishes are those that let it go on: else few migrations would get far.
        name = {"paused": "resume", "held": "retry", "stuck": "retry"}.get(self.state.mode, "approve") if go_on else name
        body, answer = WISHES[name]
        assert self.ask(body) == answer(self.model)

    @rule(number=st.integers(0, 4))
    def retry_from(self, number: int) -> None:
        assert self.ask(c.RetryMigration(from_step=f"step_{number}")) == self.model.retry_from(f"step_{number}")

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        assert self.last is not None
        assert self.tell(self.last) == IGNORED

    @invariant()
    def decider_and_model_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        state, model, gates = self.state, self.model, of(self.state)
        assert (state.mode, state.round, state.crossed, state.awaiting) == (model.mode, model.round, model.crossed, model.waits)
        assert (gates.at, list(gates.slots), bool(gates.ask_at)) == (model.gate, model.slots, model.later)
        assert (list(gates.limits), gates.turn) == (model.limits, model.turn)
        assert (_items(state.pending), _items(state.failed)) == (model.flight, model.broken)
        assert bool(state.wake_at) >= (model.waits == "time" or model.mode == "stopping")
        if model.mode in ("ended", "archived"):
            assert state.status == model.outcome
        else:
            assert (state.step, sorted(state.unsettled)) == (model.at, sorted(model.unknown))

    def teardown(self) -> None:
        schema = schema_of(MigrationState)
        encoded = schema.encode(self.state)
        assert schema.decode(encoded)[1] == self.state
        assert len(encoded) - len(self.state.plan) < 16_384


def _items(works: tuple[Work, ...]) -> dict[Item, int]:
    return {(work.step, work.chunk, work.direction): work.attempt for work in works}


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


Migration.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=50, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


TestAgainstReferenceR8 = Migration.TestCase
