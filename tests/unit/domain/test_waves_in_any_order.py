"""Any graph, any limits, any failures, any interleaving: a wave's log never breaks its order and its limits (I23, I24, I25)."""

import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.decider import Context
from libs.domain.policies import POLICIES
from libs.domain.wave import DECIDER
from libs.domain.wave.members import ENDS
from libs.domain.wave.views import blocked_of, rollback_plan, standing_of
from libs.testing.examples import EVENT_ENVELOPE

EXAMPLES = int(os.environ.get("WHIMBREL_HYPOTHESIS_EXAMPLES", "200"))
pytestmark = pytest.mark.timeout(max(180, EXAMPLES))
CONTEXT = Context("acme", "w1", "subject-1", 1)
ENDINGS = ["completed"] * 6 + ["rolled_back", "cancelled", "rejected", "failed"]
PEOPLE = [c.PauseWave(reason="x"), c.ResumeWave(), c.ResumeWave()]


class World:
    """A wave and its members. Commands to each of them arrive in order, and those to different ones in any."""

    def __init__(self, depends: Sequence[Sequence[int]], conditions: WaveSettings, endings: Sequence[str]) -> None:
        self.state, self.conditions = DECIDER.initial, conditions
        self.depends = {f"m{n}": tuple(f"m{other}" for other in others) for n, others in enumerate(depends)}
        self.endings = dict(zip(self.depends, endings, strict=True))
        self.mode = dict.fromkeys(self.depends, "unknown")
        self.queues: dict[str, deque[Any]] = {name: deque() for name in ("wave", *self.depends)}
        self.completed: set[str] = set()
        self.admits = False

    def plan(self, order: Sequence[str]) -> None:
        """Plan, add and start."""
        self.ask(c.PlanWave(settings=self.conditions))
        self.ask(c.AddMembers(members=tuple(Member(migration=id_, depends_on=self.depends[id_]) for id_ in order)))
        self.ask(c.StartWave())

    def ask(self, body: Any) -> list[Any]:
        """Let the wave decide, hold its events to what must hold, and send on what follows."""
        events = list(DECIDER.decide(self.state, body, CONTEXT))
        for event in events:
            self.state = DECIDER.evolve(self.state, event)
            self.check(event)
            policy = POLICIES.get(type(event))
            for to in policy.react(event, EVENT_ENVELOPE, self.state) if policy else ():
                self.queues["wave" if to.kind == "wave" else to.aggregate].append(to.body)
        return events

    def check(self, event: Any) -> None:
        if isinstance(event, e.MembersAdmitted):
            assert self.admits, "I24"
            for id_ in event.migrations:
                assert set(self.depends[id_]) <= self.completed, "I23"
        self.admits = type(event) in (e.WaveStarted, e.WaveResumed) or (
            self.admits and type(event) not in (e.WavePaused, e.WaveStopped, e.WaveCancelled, e.WaveRollbackStarted)
        )

    def on_its_way(self) -> set[str]:
        return {id_ for id_, mode in self.mode.items() if mode in ("begun", "paused", "failed")}

    def deliver(self, name: str) -> None:
        """The next command in one queue is read."""
        body = self.queues[name].popleft()
        if name == "wave":
            self.ask(body)
            return
        kind, mode = type(body).__name__, self.mode[name]
        if kind == "AdmitMigration" and mode == "waiting":
            self.turn(name, "begun")
            assert not self.conditions.max_running or len(self.on_its_way()) <= self.conditions.max_running, "I24"
        elif kind == "PauseMigration" and mode == "begun":
            self.mode[name] = "paused"
        elif kind == "ResumeMigration" and mode == "paused":
            self.mode[name] = "begun"

    def move(self, id_: str) -> None:
        """A member gets on: it turns up, or ends."""
        if self.mode[id_] == "unknown":
            self.turn(id_, "waiting")
        elif self.mode[id_] == "begun":
            if self.endings[id_] == "completed":
                self.completed.add(id_)
            self.turn(id_, self.endings[id_])

    def turn(self, id_: str, mode: str) -> None:
        self.mode[id_] = mode
        self.queues["wave"].append(c.NoteMember(migration=id_, outcome=mode))

    def possible(self) -> list[tuple[str, str]]:
        """What can happen next."""
        reads = [("read", name) for name, queue in self.queues.items() if queue]
        return [*reads, *(("move", id_) for id_, mode in self.mode.items() if mode in ("unknown", "begun"))]

    def happen(self, what: tuple[str, str]) -> None:
        self.deliver(what[1]) if what[0] == "read" else self.move(what[1])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[str]]:
    count = draw(st.integers(1, 12))
    depends = [draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else [] for n in range(count)]
    conditions = WaveSettings(max_failures=draw(st.integers(0, 3)), max_running=draw(st.integers(0, 3)))
    endings = draw(st.lists(st.sampled_from(ENDINGS), min_size=count, max_size=count))
    world = World(depends, conditions, endings)
    return world, draw(st.permutations(list(world.depends)))


def to_rest(world: World, data: st.DataObject, meddling: int) -> None:
    """Let things happen in any order, people meddle, and in the end resume what waits for them."""
    left = meddling
    for _ in range(2_000):
        choices: list[Any] = world.possible()
        if left and data.draw(st.integers(0, 5)) == 0:
            left -= 1
            world.ask(data.draw(st.sampled_from(PEOPLE)))
        elif choices:
            world.happen(data.draw(st.sampled_from(choices)))
        elif world.state.status in ("paused", "stopped"):
            world.ask(c.ResumeWave())
        else:
            return
    raise AssertionError("it does not come to rest")


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(made=worlds(), data=st.data(), meddling=st.integers(0, 4))
def test_order_and_limits_hold_and_everyone_begins_who_can_I23_I24_I25(
    made: tuple[World, list[str]], data: st.DataObject, meddling: int
) -> None:
    world, order = made
    world.plan(order)
    to_rest(world, data, meddling)

    blocked = {entry.migration for entry in blocked_of(world.state)}
    full = len(world.on_its_way()) == world.conditions.max_running
    for id_, name in standing_of(world.state):
        stands = (id_ in blocked and name == "planned") or (full and name in ("ready", "planned"))
        assert name == world.mode[id_] or (stands and world.mode[id_] == "waiting"), "I25"
    assert (world.state.status == "completed") == all(mode in ENDS for mode in world.mode.values())


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(made=worlds(), data=st.data(), steps=st.integers(0, 60))
def test_no_two_that_a_rollback_concerns_depend_on_each_other_X5(made: tuple[World, list[str]], data: st.DataObject, steps: int) -> None:
    """Which is why they may be rolled back side by side: what any of them rests on is completed and stays."""
    world, order = made
    world.plan(order)
    for _ in range(steps):
        choices = world.possible()
        if choices:
            world.happen(data.draw(st.sampled_from(choices)))
    told = set(rollback_plan(world.state).told)

    for id_ in told:
        assert not told & set(world.depends[id_])


@settings(max_examples=EXAMPLES)
@given(edges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_graph_is_refused_exactly_when_it_has_a_cycle_and_that_is_one_I23(edges: list[tuple[int, int]]) -> None:
    depends: dict[str, set[str]] = {f"m{n}": set() for n in range(8)}
    for one, other in edges:
        if one != other:
            depends[f"m{one}"].add(f"m{other}")
    members = tuple(Member(migration=id_, depends_on=tuple(sorted(others))) for id_, others in depends.items())
    state = DECIDER.initial
    for body in (c.PlanWave(settings=WaveSettings()), c.AddMembers(members=members)):
        for event in DECIDER.decide(state, body, CONTEXT):
            state = DECIDER.evolve(state, event)

    answer = DECIDER.decide(state, c.StartWave(), CONTEXT)
    ring = _ring_in(answer[0])
    assert bool(ring) == _has_cycle(depends)
    assert all(after in depends[before] for before, after in zip(ring, [*ring[1:], *ring[:1]], strict=True))


def _ring_in(event: Any) -> list[str]:
    return [] if isinstance(event, e.WaveStarted) else event.message.partition("first: ")[2].partition(";")[0].split(", ")


def _has_cycle(depends: dict[str, set[str]]) -> bool:
    left = {id_: set(others) for id_, others in depends.items()}
    while free := [id_ for id_, others in left.items() if not others]:
        for id_ in free:
            del left[id_]
        for others in left.values():
            others.difference_update(free)
    return bool(left)
