"""A wave fits into a record whatever is said of its members, and however often; and saying it anew never fills it up (D6)."""

import msgspec

from libs.contracts.avro import schema_of
from libs.contracts.refusal import CommandRefused
from libs.contracts.topics import TOPICS
from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import Member, WaveSettings
from libs.contracts.wave.state import WaveState
from libs.domain.decider import Context
from libs.domain.wave import DECIDER

CONTEXT = Context("acme", "w1", "subject-1", 1)
STATE_BYTES = next(topic.max_message_bytes for topic in TOPICS if topic.name == "wave.state")
LEFT_FOR_THE_REST = 64 * 1024
LONG = "{:0>64}"


def asked(state: WaveState, body: object) -> tuple[WaveState, list[type]]:
    events = DECIDER.decide(state, body, CONTEXT)
    for event in events:
        state = DECIDER.evolve(state, event)
    return state, [type(event) for event in events]


def planned() -> WaveState:
    return asked(WaveState(), c.PlanWave(settings=WaveSettings()))[0]


def test_what_members_depend_on_may_be_said_anew_as_often_as_people_like_D6() -> None:
    state = planned()
    ids = [LONG.format(n) for n in range(5_000)]
    for said in range(12):
        page = ids[1_000 * (said % 5) :][:999]
        members = tuple(Member(migration=id_, depends_on=(LONG.format(f"x{said}"), ids[0])) for id_ in page if id_ != ids[0])
        state, types = asked(state, c.AddMembers(members=(*members, Member(migration=ids[0]))))
        assert types == [e.MembersAdded], types

    assert len(state.members) == 4_995
    assert sum(map(len, state.pages)) <= 1_400_000


def test_what_is_really_too_much_is_still_refused_D6() -> None:
    state = planned()
    for number in range(100):
        depends = tuple(LONG.format(f"{number}x{n}") for n in range(100))
        members = tuple(Member(migration=LONG.format(f"{number}-{n}"), depends_on=depends) for n in range(40))
        state, types = asked(state, c.AddMembers(members=members))
        if types == [CommandRefused]:
            break

    assert types == [CommandRefused]
    assert len(schema_of(WaveState).encode(state)) < STATE_BYTES


def test_who_ended_before_being_added_takes_no_more_room_than_there_is_D6() -> None:
    state = planned()
    while True:
        depends = tuple(LONG.format(f"{len(state.members)}x{n}") for n in range(50))
        page = tuple(Member(migration=LONG.format(f"m{len(state.members)}-{n}"), depends_on=depends) for n in range(100))
        state, types = asked(state, c.AddMembers(members=page))
        if types == [CommandRefused]:
            break
    early = {LONG.format(f"early-{n}"): "rolled_back" for n in range(6_000)}
    full = msgspec.structs.replace(state, early=early)
    assert asked(full, c.NoteMember(migration="another", outcome="completed"))[1] == [e.MemberNoted]

    while True:
        early[LONG.format(f"early-{len(early)}")] = "rolled_back"
        full = msgspec.structs.replace(state, early=early)
        if not asked(full, c.NoteMember(migration="another", outcome="completed"))[1]:
            break
    assert len(schema_of(WaveState).encode(full)) < STATE_BYTES - LEFT_FOR_THE_REST
