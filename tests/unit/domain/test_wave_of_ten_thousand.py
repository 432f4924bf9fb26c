"""A wave of 10,000 members: planned in less than 5 s, each start costs little, and its state fits into a record (D6)."""

import time
from collections import deque
from typing import Any

from libs.contracts.avro import schema_of
from libs.contracts.topics import TOPICS
from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import Member, WaveSettings
from libs.contracts.wave.state import WaveState
from libs.domain.decider import Context
from libs.domain.wave import DECIDER
from libs.domain.wave.operating import MOST_IN_PAGE, MOST_MEMBERS
from libs.domain.wave.views import overview_of, rollback_plan

CONTEXT = Context("acme", "w1", "subject-1", 1)
IDS = [f"mig-{n:05d}-0b3e9a54-5d0f-5a7e" for n in range(MOST_MEMBERS)]
PLANNING_S, START_S = 5.0, 0.005


class Wave:
    def __init__(self) -> None:
        self.state: Any = DECIDER.initial

    def ask(self, body: Any) -> list[Any]:
        events = list(DECIDER.decide(self.state, body, CONTEXT))
        for event in events:
            self.state = DECIDER.evolve(self.state, event)
        return events


def planned() -> Wave:
    wave = Wave()
    wave.ask(c.PlanWave(settings=WaveSettings(max_running=200)))
    members = [Member(migration=IDS[n], depends_on=tuple(sorted({IDS[n // 3], IDS[n // 2]} - {IDS[n]}))) for n in range(MOST_MEMBERS)]
    for first in range(0, MOST_MEMBERS, MOST_IN_PAGE):
        assert wave.ask(c.AddMembers(members=tuple(members[first : first + MOST_IN_PAGE])))
    return wave


def test_ten_thousand_members_are_planned_started_and_moved_D6() -> None:
    began = time.process_time()
    wave = planned()
    events = wave.ask(c.StartWave())
    planning = time.process_time() - began
    assert [type(event) for event in events] == [e.WaveStarted, e.MembersAdmitted]

    queue: deque[Any] = deque(events)
    began, most = time.process_time(), 0
    while queue:
        event = queue.popleft()
        if isinstance(event, e.MembersAdmitted):
            for id_ in event.migrations:
                queue.extend(wave.ask(c.NoteMember(migration=id_, outcome="begun")))
                queue.extend(wave.ask(c.NoteMember(migration=id_, outcome="completed")))
            queue.extend(wave.ask(c.ContinueWave(step=event.step)) if event.more else ())
        most = max(most, len(schema_of(WaveState).encode(wave.state)) if isinstance(event, e.MembersAdmitted) else 0)
    per_start = (time.process_time() - began) / MOST_MEMBERS

    assert wave.state.status == "completed"
    assert planning < PLANNING_S
    assert per_start < START_S
    assert most < next(topic.max_message_bytes for topic in TOPICS if topic.name == "wave.state") / 2


def test_what_people_ask_of_ten_thousand_members_is_answered_at_once() -> None:
    wave = planned()
    wave.ask(c.StartWave())
    wave.ask(c.NoteMember(migration=IDS[0], outcome="failed"))

    began = time.process_time()
    overview, plan = overview_of(wave.state), rollback_plan(wave.state)
    took = time.process_time() - began

    assert overview.blocked == MOST_MEMBERS - 1
    assert plan.told == (IDS[0],)
    assert took < 1.0


def test_a_failure_that_blocks_thousands_is_an_event_of_a_few_lines_D6() -> None:
    wave = planned()
    wave.ask(c.StartWave())

    [noted, _] = wave.ask(c.NoteMember(migration=IDS[0], outcome="failed"))
    assert (noted.blocks, len(noted.blocked)) == (MOST_MEMBERS - 1, 20)
