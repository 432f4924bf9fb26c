"""How late commands come in a rehearsal is how late they came: one that is very late holds up nobody else's (X3)."""

import pytest

from libs.contracts.wave.commands import StartWave
from libs.rehearse.history import OK, Attempt, Key, Learner
from libs.rehearse.what_if import WhatIf, read
from libs.rehearse.world import Case, World
from libs.testing.migrations import act
from libs.testing.rehearsals import NOW, SECOND, Live
from tests.unit.rehearse.test_a_fork_goes_on_from_anywhere_X3 import folded

MEMBERS = 300


def test_members_that_ask_the_same_capacity_are_late_each_for_itself_X3() -> None:
    """Of a hundred commands five are ten seconds late; a member's start takes four. Were all others to wait for the late ones, none would be early."""
    learner = Learner()
    for number in range(1_000):
        learner.course(Key("", "", "lag"), NOW - number, (Attempt(10 * SECOND if number % 20 == 0 else 0, OK),))
        learner.course(Key("", "", "apply"), NOW - number, (Attempt(SECOND, OK),))
    live = Live()
    names = live.fleet("w", MEMBERS, act("copy"), limits=("limit/host",))
    world = World(Case(live.fork(learner.history()), ("w",), WhatIf(), 1), 0)

    assert world.run().ends == {"completed": MEMBERS}

    early = sum(world.tally.ended[name][1] == NOW + SECOND for name in names)
    assert 0.75 * MEMBERS < early < 0.98 * MEMBERS


@pytest.mark.parametrize("forked", ["before it asked", "while it asked"])
def test_a_slot_is_not_given_back_before_it_was_asked_for_X3(forked: str) -> None:
    """What one migration tells one capacity arrives in order, also what was on its way at the fork: whoever gives up holds no slot."""
    learner = Learner()
    for number in range(1_000):
        learner.course(Key("", "", "lag"), NOW - number, (Attempt(10 * SECOND if number % 2 else 0, OK),))
    live = Live()
    names = live.fleet("w", 40, act("copy"), limits=("limit/host",))
    fork = live.fork()
    if forked == "while it asked":
        live.give("wave", "w", StartWave())
        fork = folded(live.entries[: next(n for n, (kind, _) in enumerate(live.entries) if kind == "capacity")])
        assert sum(one.sent.kind == "capacity" for one in fork.unsent) == 40
    give_up = [
        {"at": "+9s", "aggregate": "migration", "id": name, "command": "CancelMigration", "body": {"reason": "no"}} for name in names
    ]
    what_if = read({"commands": give_up, "durations": {"*": 100}}, fork.at)
    world = World(Case(fork._replace(history=learner.history()), ("w",), what_if, 1), 0)

    world.run()
    while world.agenda.step():
        pass

    assert world.states["capacity", "limit/host"].held == 0
