"""Due dates, who is told, what did not end, and the bounds (X3). Every step takes a minute, a member two."""

import time
from typing import Any

import pytest

from libs.contracts.subscription import Interest
from libs.contracts.wave.plan import Member
from libs.rehearse import world
from libs.rehearse.fork import Listener, UnknownWave
from libs.rehearse.history import DEAD, OK, Attempt, History, Key, Learner
from libs.rehearse.rehearsing import Question, TooMany, ask
from libs.rehearse.running import usual_runs
from libs.rehearse.summing import nearest
from libs.rehearse.world import CannotStart
from libs.testing.migrations import act
from libs.testing.rehearsals import NOW, SECOND, Live, always

HOOK = "https://hooks.example/mig"


def asked(live: Live, history: History | None = None, runs: int = 4, listeners: tuple[Listener, ...] = (), **question: Any) -> Any:
    return ask(live.fork(history, listeners), Question(("w",), 1, runs, **question))


def listener(name: str, *types: str, since: int = 0) -> Listener:
    return Listener(name, Interest(url="https://hooks.example/all", event_types=types), since)


def test_members_that_miss_their_due_date_are_named_with_the_probability_X3() -> None:
    live = Live()
    live.capacity("limit/host", limit=1)
    for number, due_s in enumerate((120, 200, 0)):
        live.migration(f"w-{number}", wave="w", limits=("limit/host",), due_at=NOW + due_s * SECOND if due_s else 0)
    live.wave("w", *(Member(migration=f"w-{number}") for number in range(3)))

    answer = asked(live)

    assert answer["due_breached"] == [{"migration": "w-1", "due_at": "2026-01-01T00:03:20.000000Z", "probability": 1.0}]
    assert answer["due_breached_count"] == 1


def test_a_probability_is_the_share_of_runs_X3() -> None:
    learner = Learner()
    for number in range(50):
        learner.course(Key("", "", "apply"), NOW - number * SECOND, (Attempt((50 if number % 2 else 70) * SECOND, OK),))
    live = Live()
    live.migration("w-0", act("copy"), wave="w", due_at=NOW + 60 * SECOND)
    live.wave("w", Member(migration="w-0"))

    (breach,) = asked(live, learner.history(), runs=300)["due_breached"]

    assert 0.4 < breach["probability"] < 0.6


def test_who_would_be_told_is_counted_by_subscription_and_callback_X3() -> None:
    live = Live()
    live.fleet("w", 3, request={"callback_url": HOOK})
    everybody = (
        listener("all", "migration.*"),
        listener("ends", "migration.completed"),
        listener("later", "*", since=NOW + 90_000 * SECOND),
    )

    told = asked(live, listeners=everybody)["told"]

    counted = {one["subscription"]: one["deliveries"]["p50"] for one in told["subscriptions"]}
    assert counted == {"all": 3 * (1 + 2 + 1), "ends": 3}, "admitted, two steps, completed"
    assert told["callbacks"] == [{"url": HOOK, "deliveries": {"p50": 3, "p90": 3, "max": 3}}]
    assert told["deliveries"]["p50"] == told["channels"]["webhook"]["p50"] == 12 + 3 + 3


def test_what_needs_a_person_comes_to_rest_and_is_named_X3() -> None:
    learner = Learner()
    for number in range(10):
        learner.course(Key("", "", "apply"), NOW - number, (Attempt(SECOND, DEAD),))
    live = Live()
    live.fleet("w", 1, request={"on_failure": "hold"})

    answer = asked(live, learner.history())

    assert answer["not_ended"] == [{"migration": "w-0000", "status": "failed", "probability": 1.0}]
    assert (answer["unfinished_runs"], answer["finish"]["p50"]) == (4, None)


def test_a_member_nobody_asked_for_is_named_X3() -> None:
    live = Live()
    live.wave("w", Member(migration="ghost"))

    assert asked(live)["not_ended"] == [{"migration": "ghost", "status": "not requested", "probability": 1.0}]


def test_failures_go_the_way_back_as_history_has_it_X3() -> None:
    learner = Learner()
    for number in range(200):
        learner.course(Key("rehearsal", "switch", "apply"), NOW - number * SECOND, (Attempt(SECOND, OK if number % 4 else DEAD),))
        learner.course(Key("rehearsal", "copy", "apply"), NOW - number * SECOND, (Attempt(SECOND, OK),))
        learner.course(Key("rehearsal", "switch", "undo"), NOW - number * SECOND, (Attempt(500 * SECOND, OK),))
        learner.course(Key("rehearsal", "copy", "undo"), NOW - number * SECOND, (Attempt(500 * SECOND, OK),))
    live = Live()
    live.fleet("w", 200, max_failures=200)

    answer = asked(live, learner.history(), runs=20)

    assert 30 < answer["ends"]["rolled_back"]["p50"] < 70
    assert answer["finish_s"]["p50"] > 1_000
    assert {one["samples"] for one in answer["samples"] if one["direction"] == "undo"} == {200}


def test_a_wave_that_cannot_be_started_is_refused_X3() -> None:
    live = Live()
    live.migration("a", wave="w")
    live.migration("b", wave="w")
    live.wave("w", Member(migration="a", depends_on=("b",)), Member(migration="b", depends_on=("a",)))

    with pytest.raises(CannotStart, match="wave w cannot be started: each of these depends on the next"):
        asked(live)
    with pytest.raises(UnknownWave):
        ask(live.fork(), Question(("x",)))


def test_a_run_without_an_end_is_cut_off_and_says_so_X3(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live()
    live.fleet("w", 3, act("copy"), act("switch"))
    endless = asked(live, what_if={"durations": {"*": 1_000}}, history=always(86_400))
    monkeypatch.setattr(world, "MOST_STEPS", 10)
    monkeypatch.setattr(world, "MOST_STEPS_A_MEMBER", 0)
    crowded = asked(live)

    for answer in (endless, crowded):
        assert answer["truncated"] is True
        assert answer["truncated_runs"] == answer["unfinished_runs"] == 4


def test_ten_thousand_members_are_the_most_X3() -> None:
    live = Live()
    live.fleet("a", 10_000, act("copy"))
    live.fleet("b", 1, act("copy"), after=("a",))

    began = time.process_time()
    answer = ask(live.fork(), Question(("a",), 1, 1))
    assert time.process_time() - began < 60
    assert answer["ends"] == {"completed": {"p50": 10_000, "p90": 10_000, "max": 10_000}}
    assert answer["finish_s"]["p50"] == 60.0
    with pytest.raises(TooMany, match="10,001 members"):
        ask(live.fork(), Question(("b",), 1, 1))


def test_there_are_fewer_runs_of_larger_waves_X3() -> None:
    assert [usual_runs(members) for members in (0, 1, 500, 1_000, 10_000)] == [100, 100, 100, 50, 10]


def test_percentiles_are_values_that_came_about_X3() -> None:
    values = list(range(1, 101))
    assert [nearest(values, share) for share in (0.1, 0.5, 0.9)] == [10, 50, 90]
    assert [nearest([3.0, 1.0, 2.0], share) for share in (0.1, 0.5, 0.9)] == [1.0, 2.0, 3.0]
    assert nearest([5.0], 0.9) == 5.0
