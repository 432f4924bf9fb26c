"""Wherever the log is forked, the rehearsal goes on from there: work, waits, people, and what policies had on their way (X3)."""

from libs.contracts.migration.commands import CancelMigration, WakeMigration
from libs.contracts.wave.commands import StartWave
from libs.contracts.wave.plan import Member
from libs.rehearse.answering import Entry
from libs.rehearse.folding import Folding
from libs.rehearse.fork import Fork, narrowed
from libs.rehearse.history import OK, Attempt, Key, Learner
from libs.rehearse.rehearsing import Question, ask
from libs.rehearse.what_if import WhatIf
from libs.rehearse.world import Case, World
from libs.testing.migrations import act, approval, pause_of
from libs.testing.rehearsals import NOW, SECOND, TENANT, Live, always
from tests.unit.rehearse.test_no_limit_is_broken_in_virtual_time_X3 import Watched


def folded(entries: list[tuple[str, Entry]]) -> Fork:
    """The fork after these events."""
    folding = Folding(TENANT)
    for kind, entry in entries:
        if entry.envelope.version:
            assert folding.take(kind, entry, entry.envelope.event_id.encode())
    return folding.fork("migration:0:1", "migration:0:1", always(10, lag_s=0.5))


def boundaries(entries: list[tuple[str, Entry]]) -> list[int]:
    """Where one transaction may have ended: nowhere between two events of one decision."""
    return [n for n in range(1, len(entries)) if entries[n][1].envelope.causation_id != entries[n - 1][1].envelope.causation_id]


def test_nothing_on_its_way_is_lost_at_any_position_X3() -> None:
    """Each prefix of a run is forked, with policies' commands half a second on their way; every member completes from there."""
    live = Live()
    live.capacity("limit/host", limit=2)
    live.capacity("rate/starts", per_minute=4)
    live.fleet("first", 4, act("copy"), pause_of("settle", 5_000), act("switch"), request={"limits": ("rate/starts", "limit/host")})
    live.fleet("second", 3, limits=("limit/host",), after=("first",))
    first = Watched(Case(live.fork(always(10, lag_s=0.5)), ("second",), WhatIf(), 1), 0)
    assert first.run().ends == {"completed": 3}
    entries = [*live.entries, *first.entries]
    positions = [n for n in boundaries(entries) if n >= len(live.entries)]

    for n in positions:
        outcome = World(Case(folded(entries[:n]), ("first", "second"), WhatIf(), 1), 0).run()
        assert outcome.ends == {"completed": 7}, f"forked after {n} events: {outcome.resting}"

    assert len(positions) > 70
    assert any(folded(entries[:n]).unsent for n in positions)


def test_work_goes_on_given_how_long_it_has_lasted_X3() -> None:
    """Of steps that take 100 or 300 seconds, one that has lasted 200 takes 100 more."""
    learner = Learner()
    for number in range(20):
        learner.course(Key("", "", "apply"), NOW - number, (Attempt((100 + number % 2 * 200) * SECOND, OK),))
    live = Live()
    live.fleet("w", 1, act("copy"))
    live.give("wave", "w", StartWave())
    live.now += 200 * SECOND
    live.capacity("limit/other", limit=1)

    answer = ask(live.fork(learner.history()), Question(("w",), 1, 20))

    assert set(answer["finish_s"].values()) == {100.0}


def test_a_person_is_waited_for_as_long_as_people_took_X3() -> None:
    learner = Learner()
    for number in range(9):
        learner.course(Key("rehearsal", "go", "approval"), NOW - number, (Attempt(900 * SECOND, OK),))
    live = Live()
    live.fleet("w", 2, approval("go"))

    from_history = ask(live.fork(learner.history()), Question(("w",), 1, 3))
    said = ask(live.fork(learner.history()), Question(("w",), 1, 3, what_if={"people": {"approve_s": 60}}))
    nobody_knows = ask(live.fork(always()), Question(("w",), 1, 3))

    assert (from_history["finish_s"]["p50"], said["finish_s"]["p50"]) == (900.01, 60.01)
    assert nobody_knows["finish_s"]["p50"] == 0.0
    assert {"provider": "rehearsal", "step": "go", "direction": "approval", "samples": 0, "of": "assumption"} in nobody_knows["samples"]


def test_whoever_else_needs_the_same_slots_runs_as_well_X3() -> None:
    live = Live()
    live.capacity("limit/host", limit=1)
    live.migration("other", limits=("limit/host",))
    live.migration("stranger", limits=("limit/elsewhere",))
    live.fleet("w", 1, limits=("limit/host",))
    fork = live.fork()

    answer = ask(fork, Question(("w",), 1, 2))

    assert answer["finish_s"]["p50"] == 120.0 + 120.0, "the other holds the only slot for two minutes more"
    assert answer["members"] == 1
    kept = narrowed(fork, [("wave", "w")]).states
    assert ("migration", "other") in kept
    assert ("migration", "stranger") not in kept


def test_waves_before_it_run_first_X3() -> None:
    live = Live()
    live.fleet("a", 2)
    live.fleet("b", 2, after=("a",))
    live.fleet("c", 2, after=("b",))

    answer = ask(live.fork(), Question(("c",), 1, 2))
    both = ask(live.fork(), Question(("b", "c"), 1, 2))
    all_ = ask(live.fork(), Question((), 1, 2))

    assert (answer["started"], answer["finish_s"]["p50"], answer["members"]) == (["a", "b", "c"], 360.0, 2)
    assert [(one["wave"], one["finish_s"]["p50"]) for one in both["waves"]] == [("b", 240.0), ("c", 360.0)]
    assert [one["wave"] for one in all_["waves"]] == ["a", "b", "c"]


def test_a_member_that_was_archived_has_ended_when_it_ended_X3() -> None:
    live = Live()
    live.migration("a", act("copy"), wave="w")
    live.migration("b", act("copy"), wave="w")
    live.wave("w", Member(migration="a"), Member(migration="b"), max_failures=1)
    live.give("migration", "a", CancelMigration(reason="not needed"))
    ended_at = live.now
    live.now = live.states["migration", "a"].wake_at
    live.give("migration", "a", WakeMigration(wake_at=live.now), "verifier", f"{TENANT}/a/wake/{live.now}")
    fork = folded(live.entries)

    answer = ask(fork, Question(("w",), 1, 2))

    assert fork.states["migration", "a"].mode == "archived"
    assert fork.ended_at["a"] == ended_at < fork.at
    assert answer["ends"] == {"archived": {"p50": 1, "p90": 1, "max": 1}, "completed": {"p50": 1, "p90": 1, "max": 1}}
    assert answer["unfinished_runs"] == 0
