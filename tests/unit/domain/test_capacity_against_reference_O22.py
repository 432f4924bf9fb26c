"""Random lives of a capacity against a reference: no limit, rate, window or freeze is ever broken, and nobody is forgotten (O22)."""

import os
from typing import Any

import pytest
from hypothesis import settings as run
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from reference_capacity import MINUTE, Reference, Waiting

from libs.contracts import capacity as c
from libs.contracts.avro import schema_of
from libs.contracts.refusal import CommandRefused
from libs.domain.capacity import DECIDER
from libs.domain.capacity.evolving import TIME_BYTES, read
from libs.testing.given_when_then import NOW, SECOND, History, given

EXAMPLES = int(os.environ.get("WHIMBREL_HYPOTHESIS_EXAMPLES", "200"))
pytestmark = pytest.mark.timeout(max(180, EXAMPLES))
MOST_PER_MINUTE = 3
NAMES = [f"mig-{n}" for n in range(12)]
MOMENTS = st.integers(0, 40).map(lambda n: NOW + n * 15 * SECOND)


def spans(model: Any) -> Any:
    pairs = st.tuples(MOMENTS, st.integers(1, 12))
    return st.lists(pairs.map(lambda pair: model(begins=pair[0], ends=pair[0] + pair[1] * 15 * SECOND)), max_size=4).map(tuple)


SETTINGS = st.builds(
    c.CapacitySettings,
    limit=st.integers(0, 4),
    per_minute=st.integers(0, MOST_PER_MINUTE),
    windows=spans(c.Interval),
    freezes=spans(c.Freeze),
    lockout_ms=st.sampled_from([0, 15_000, 40_000]),
    on_close=st.sampled_from([c.PAUSE, c.FINISH]),
)


class Lives(RuleBasedStateMachine):
    """One capacity, its reference, and a clock that only goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.history: History = given(DECIDER)
        self.reference = Reference()
        self.now = NOW
        self.told = False

    @rule(seconds=st.integers(0, 90))
    def time_passes(self, seconds: int) -> None:
        """Some time in which nobody asks."""
        self.now += seconds * SECOND
        self.told = False

    @rule(late=st.sampled_from([0, 0, 0, SECOND, 200 * SECOND]))
    def wake(self, late: int) -> None:
        """The verifier keeps the appointment, sometimes late."""
        wake_at = self.history.state.wake_at
        if wake_at:
            self.now = max(self.now, wake_at + late)
            answer = self.ask(c.WakeCapacity(wake_at=wake_at))
            assert answer, "who is woken in time has something to say"

    @rule(holder=st.sampled_from(NAMES))
    def acquire(self, holder: str) -> None:
        """A migration asks for a slot."""
        known = holder in self.reference.holders or holder in [w.holder for w in self.reference.queue]
        events = self.ask(c.AcquireSlot(holder=holder))
        assert bool(events) != known

    @rule(holder=st.sampled_from(NAMES))
    def release(self, holder: str) -> None:
        """A migration gives its slot, or its place, back."""
        self.ask(c.ReleaseSlot(holder=holder))

    @rule(settings=SETTINGS)
    def set(self, settings: c.CapacitySettings) -> None:
        """Somebody changes what is allowed."""
        self.ask(c.SetCapacity(settings=settings))

    @rule(seconds=st.integers(-1, 200))
    def override(self, seconds: int) -> None:
        """Somebody opens it by hand, or takes that back."""
        self.ask(c.OverrideFreeze(until=self.now + seconds * SECOND if seconds >= 0 else 0, reason="agreed"))

    def ask(self, command: Any) -> list[Any]:
        """Ask both; judge every event, and that the same command again adds nothing (which `then_something` asserts)."""
        answer = self.history.when(command, now=self.now)
        for event in answer.events:
            self.judge(event)
        self.history = answer.then_something()
        self.told = any(type(event) is not CommandRefused for event in answer.events)
        return answer.events

    def judge(self, event: Any) -> None:
        """Whether the event may be, as the reference sees it; then it is told."""
        reference, now = self.reference, self.now
        if isinstance(event, c.CapacitySet):
            reference.settings = event.settings
            reference.granted = reference.granted if event.settings.per_minute else []
        elif isinstance(event, c.FreezeOverridden):
            reference.override_until = event.until
        elif isinstance(event, c.SlotQueued):
            reference.queue.append(Waiting(event.holder, event.since))
        elif isinstance(event, c.SlotGranted):
            assert reference.may_grant(now)
            first = reference.queue.pop(0) if reference.queue else Waiting(event.holder, now)
            assert (event.holder, event.waited_us) == (first.holder, now - first.since)
            reference.holders.append(event.holder)
            reference.granted += [now] if reference.settings.per_minute else []
        elif isinstance(event, c.SlotFreed):
            self.judge_freed(event)
        elif isinstance(event, c.SlotRevoked):
            assert reference.must_revoke(now)
            assert reference.holders.pop(0) == event.holder

    def judge_freed(self, event: c.SlotFreed) -> None:
        """Who gives something back had it."""
        if event.held:
            self.reference.holders.remove(event.holder)
        else:
            self.reference.queue = [w for w in self.reference.queue if w.holder != event.holder]

    @invariant()
    def they_agree_on_who_holds_and_who_waits(self) -> None:
        """Same holders and queue, in the same order."""
        state = self.history.state
        assert [read(word) for word in state.holders.split(b"\n") if word] == self.reference.holders
        waiting = [entry.split(b"\t") for entry in state.queue.split(b"\n") if entry]
        assert [Waiting(read(word), int(since)) for word, since in waiting] == self.reference.queue
        assert (state.held, state.queued) == (len(self.reference.holders), len(self.reference.queue))

    @invariant()
    def nothing_is_left_undone_and_the_next_wake_is_right(self) -> None:
        """After an answer nothing more could happen now, and the capacity asks to be woken exactly when something will."""
        if self.told:
            assert not self.reference.changes(self.now)
            assert self.history.state.wake_at == self.reference.next_change(self.now)

    @invariant()
    def the_state_is_bounded(self) -> None:
        """It grows with those who hold or wait and with the rate, and with nothing else."""
        state = self.history.state
        assert len(state.recent) <= TIME_BYTES * MOST_PER_MINUTE
        assert len(schema_of(c.CapacityState).encode(state)) < 6_000

    def teardown(self) -> None:
        """Nobody starves: once it is open, all who wait are served in their order as slots come back."""
        self.ask(c.SetCapacity(settings=c.CapacitySettings(limit=1, per_minute=2)))
        order, served = [w.holder for w in self.reference.queue], []
        for _ in range(100):
            if not self.reference.queue:
                break
            self.now = max(self.now + SECOND, min(self.history.state.wake_at or self.now, self.now + MINUTE))
            events = self.ask(c.WakeCapacity(wake_at=self.history.state.wake_at))
            if self.reference.holders:
                events += self.ask(c.ReleaseSlot(holder=self.reference.holders[0]))
            served += [event.holder for event in events if isinstance(event, c.SlotGranted)]
        assert served == order


TestLives = Lives.TestCase
TestLives.settings = run(max_examples=EXAMPLES, stateful_step_count=40, report_multiple_bugs=False)
