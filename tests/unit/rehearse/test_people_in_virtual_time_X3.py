"""People do in virtual time what they did before, as soon as they did it; nobody does what nobody ever did (X3)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.commands import CancelMigration
from libs.contracts.wave.commands import StartWave
from libs.contracts.wave.plan import Member
from libs.rehearse import world
from libs.rehearse.history import DEAD, OK, Attempt, History, Key, Learner
from libs.rehearse.rehearsing import Question, ask
from libs.testing.migrations import act, approval, check, final
from libs.testing.rehearsals import NOW, SECOND, Live


def history(*person: tuple[str, str, int], failing: bool = True, ends: str = DEAD) -> History:
    """Steps take a minute; every first `switch` fails, in the second round it succeeds. `person` is direction, action and seconds."""
    learner = Learner()
    for number in range(10):
        for step in ("copy", "switch"):
            outcome = ends if failing and step == "switch" else OK
            learner.course(Key("rehearsal", step, "apply"), NOW - number, (Attempt(60 * SECOND, outcome),))
            learner.course(Key("rehearsal", step, "undo"), NOW - number, (Attempt(60 * SECOND, OK),))
        for policy in ("lag", "wake"):
            learner.course(Key("", "", policy), NOW - number, (Attempt(0, OK),))
    for direction, action, seconds in person:
        learner.course(Key("rehearsal", "switch", direction), NOW, (Attempt(seconds * SECOND, action),))
    return learner.history()


def asked(known: History, count: int = 1, **settings: Any) -> Any:
    live = Live()
    request = {"on_failure": settings.pop("on_failure", "hold")}
    live.fleet("w", count, act("copy"), act("switch"), request=request, **settings)
    return ask(live.fork(known), Question(("w",), 1, 2, what_if=None))


def test_a_failed_step_is_rolled_back_when_people_did_X3() -> None:
    answer = asked(history(("held", "roll_back", 600)))

    assert answer["ends"]["rolled_back"]["p50"] == 1
    assert answer["finish_s"]["p50"] == 120 + 600 + 120


def test_a_failed_step_is_retried_until_the_run_is_cut_off_X3(monkeypatch: pytest.MonkeyPatch) -> None:
    """All retries fail, as all such steps did: that is no end, and said."""
    monkeypatch.setattr(world, "HORIZON_US", 7 * 86_400 * SECOND)
    answer = asked(history(("held", "retry", 600)))

    assert answer["truncated"] is True


def test_nobody_does_what_nobody_did_X3() -> None:
    answer = asked(history())

    assert answer["not_ended"] == [{"migration": "w-0000", "status": "failed", "probability": 1.0}]
    assert {"provider": "rehearsal", "step": "switch", "direction": "held", "samples": 0, "of": "assumption"} in answer["samples"]


def test_somebody_has_enough_as_somebody_had_X3() -> None:
    """Each such step was rolled back after a minute by a person; the work stops after what such work took to stop."""
    answer = asked(history(("settle", "stopped", 5), ends="roll_back"))

    assert answer["ends"]["rolled_back"]["p50"] == 1
    assert answer["finish_s"]["p50"] == 120 + 5 + 120


def test_work_that_came_to_rest_unknown_does_so_as_soon_as_it_did_X3() -> None:
    """Not when the patience with this step is over, which may take days: it is looked at, and undone."""
    live = Live()
    live.fleet("w", 1, act("copy"), act("switch", timeout_ms=30 * 86_400_000))

    answer = ask(live.fork(history(("settle", "unknown", 5), ends="roll_back")), Question(("w",), 1, 2))

    assert answer["ends"]["rolled_back"]["p50"] == 1
    assert answer["finish_s"]["p50"] == 120 + 5 + 60 + 120


def test_a_stopped_wave_is_resumed_when_people_did_X3() -> None:
    known = history(("held", "roll_back", 0))
    learner = Learner()
    learner.wait(Key("", "", "stopped"), NOW, NOW + 300 * SECOND)
    known = known._replace(samples=known.samples | learner.history().samples)

    answer = asked(known, 2, max_running=1)

    assert answer["ends"]["rolled_back"]["p50"] == 2
    assert answer["finish_s"]["p50"] == 2 * (120 + 120) + 300 - 120, "resumed 300 s after the failure, of which 120 s went back"


@pytest.mark.parametrize("people", [{}, {"unblock_s": 100}])
def test_members_are_freed_of_what_is_lost_when_people_did_or_are_said_to_X3(people: dict[str, int]) -> None:
    known = history(failing=False)
    if not people:
        learner = Learner()
        learner.wait(Key("", "", "unblock"), NOW, NOW + 100 * SECOND)
        known = known._replace(samples=known.samples | learner.history().samples)
    live = Live()
    for name in ("a", "b"):
        live.migration(name, act("copy"), wave="w")
    live.wave("w", Member(migration="a"), Member(migration="b", depends_on=("a",)), max_failures=1)
    cancel = {"at": "+30s", "aggregate": "migration", "id": "a", "command": "CancelMigration", "body": {"reason": "lost"}}

    answer = ask(live.fork(known), Question(("w",), 1, 2, what_if={"commands": [cancel], "people": people}))

    assert answer["ends"] == {"cancelled": {"p50": 1, "p90": 1, "max": 1}, "completed": {"p50": 1, "p90": 1, "max": 1}}
    assert answer["finish_s"]["p50"] == 30 + 30 + 60 + 100 + 60, "the copy ends, is undone, b is freed and moves"


@pytest.mark.parametrize("begun", [True, False])
def test_members_blocked_before_the_fork_are_freed_as_well_X3(begun: bool) -> None:
    live = Live()
    for name in ("a", "b"):
        live.migration(name, act("copy"), wave="w")
    live.wave("w", Member(migration="a"), Member(migration="b", depends_on=("a",)))
    live.give("migration", "a", CancelMigration(reason="lost"))
    if begun:
        live.give("wave", "w", StartWave())

    answer = ask(live.fork(history(failing=False)), Question(("w",), 1, 2, what_if={"people": {"unblock_s": 100}}))

    assert answer["finish_s"]["p50"] == 100 + 60, "b is freed and moves"


@pytest.mark.parametrize("action", ["retry switch", "roll_back"])
def test_what_was_learnt_of_another_step_and_is_refused_here_holds_nobody_for_ever_X3(action: str) -> None:
    """Half of the copies fail, where nobody has gone back to the later step; or past the point of no return."""
    learner = Learner()
    for number in range(200):
        for step in ("cut", "copy", "switch"):
            failed = step == "copy" and number % 2
            learner.course(Key("rehearsal", step, "apply"), NOW - number, (Attempt(60 * SECOND, DEAD if failed else OK),))
        learner.course(Key("rehearsal", "switch", "held"), NOW - number, (Attempt(10 * SECOND, action),))
    live = Live()
    live.fleet("w", 8, final("cut") if action == "roll_back" else act("cut"), act("copy"), act("switch"), request={"on_failure": "hold"})

    answer = ask(live.fork(learner.history()), Question(("w",), 1, 4, what_if={"people": {"resume_s": 1}}))

    assert answer["ends"] == {"completed": {"p50": 8, "p90": 8, "max": 8}}
    assert answer["finish_s"]["p50"] >= 4 * 60 + 10, "what failed was tried again after ten seconds"


def test_nobody_gives_up_what_cannot_go_back_X3() -> None:
    """Such checks were given up after a minute, before the point of no return; behind it they go on."""
    learner = Learner()
    for number in range(10):
        learner.course(Key("rehearsal", "switch", "apply"), NOW - number, (Attempt(60 * SECOND, OK),))
        learner.course(Key("rehearsal", "healthy", "check"), NOW - number, (Attempt(60 * SECOND, "roll_back"),))
        learner.course(Key("", "", "lag"), NOW - number, (Attempt(0, OK),))
    live = Live()
    live.fleet("w", 1, final("switch"), check("healthy"))

    answer = ask(live.fork(learner.history()), Question(("w",), 1, 2))

    assert (answer["ends"]["completed"]["p50"], answer["finish_s"]["p50"]) == (1, 120)


def test_gates_are_answered_by_as_many_people_as_they_ask_for_X3() -> None:
    terms = ApprovalTerms(before="switch", roles=("dba", "board"), quorum=2, mfa=True, expires_s=300)
    live = Live()
    gate = replace(approval("go"), approval=terms)
    live.fleet("w", 2, act("copy"), gate, act("switch"))
    learner = Learner()
    learner.wait(Key("rehearsal", "go", "approval"), NOW, NOW + 900 * SECOND)
    known = history(failing=False)
    known = known._replace(samples=known.samples | learner.history().samples)

    answer = ask(live.fork(known), Question(("w",), 1, 2))

    assert answer["ends"] == {"completed": {"p50": 2, "p90": 2, "max": 2}}
    assert answer["finish_s"]["p50"] == 60 + 900 + 60


def test_a_gate_is_answered_also_while_a_slot_is_away_X3() -> None:
    """The freeze takes the slot away before the approval comes, and ends after it."""
    live = Live()
    live.capacity("calendar/prod", on_close="pause")
    live.fleet("w", 1, approval("go"), act("switch"), request={"limits": ("calendar/prod",)})
    learner = Learner()
    learner.wait(Key("rehearsal", "go", "approval"), NOW, NOW + 100 * SECOND)
    known = history(failing=False)
    known = known._replace(samples=known.samples | learner.history().samples)
    freeze = {"capacity": "calendar/prod", "begins": "+50s", "ends": "+500s", "label": "audit"}

    answer = ask(live.fork(known), Question(("w",), 1, 2, what_if={"freezes": [freeze]}))

    assert answer["ends"] == {"completed": {"p50": 1, "p90": 1, "max": 1}}
    assert answer["finish_s"]["p50"] == 500 + 60
