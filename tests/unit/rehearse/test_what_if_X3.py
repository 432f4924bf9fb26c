"""What a hypothetical change must come to, reckoned by hand (X3). Every step takes a minute, a member two."""

from typing import Any

import pytest

from libs.contracts.capacity import Freeze
from libs.rehearse.rehearsing import Question, ask
from libs.rehearse.what_if import BadWhatIf, moment, read
from libs.testing.rehearsals import NOW, SECOND, Live, always

MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND


def asked(live: Live, what_if: Any = None, runs: int = 2, **question: Any) -> Any:
    return ask(live.fork(always()), Question(question.pop("waves", ("w",)), 1, runs, what_if=what_if, **question))


def one_by_one(members: int = 5, **settings: Any) -> Live:
    live = Live()
    live.capacity("calendar/prod", limit=1, **settings)
    live.fleet("w", members, limits=("calendar/prod",))
    return live


def finish(answer: Any) -> set[float]:
    return set(answer["finish_s"].values())


def test_without_a_change_it_takes_what_it_takes_X3() -> None:
    answer = asked(one_by_one())

    assert finish(answer) == {600.0}
    assert answer["peak"]["capacities"]["calendar/prod"] == {"p50": 1, "p90": 1, "max": 1}


def test_a_freeze_shifts_the_finish_by_what_it_must_X3() -> None:
    freeze = {"capacity": "calendar/prod", "begins": "+90s", "ends": "+690s", "label": "audit"}

    answer = asked(one_by_one(), {"freezes": [freeze]})

    assert finish(answer) == {690.0 + 4 * 120}, "the second would have begun at 120 s and begins when the freeze ends"


def test_a_freeze_is_beside_those_there_are_X3() -> None:
    live = one_by_one(freezes=())
    live.capacity("calendar/prod", limit=1, freezes=_freezes((NOW + 100 * SECOND, NOW + 200 * SECOND)))

    answer = asked(live, {"freezes": [{"capacity": "calendar/prod", "begins": "+5m", "ends": "+10m"}]})

    assert finish(answer) == {600.0 + 3 * 120}, "one until 120 s, one from 200 s to 320 s, three from 600 s on"


def _freezes(*spans: tuple[int, int]) -> tuple[Any, ...]:
    return tuple(Freeze(begins=begins, ends=ends) for begins, ends in spans)


def test_half_the_capacity_takes_twice_as_long_X3() -> None:
    live = Live()
    live.capacity("limit/host", limit=10)
    live.fleet("w", 100, limits=("limit/host",))
    half = {"aggregate": "capacity", "id": "limit/host", "command": "SetCapacity", "body": {"settings": {"limit": 5}}}

    whole, halved = asked(live), asked(live, {"commands": [half]})

    assert (finish(whole), finish(halved)) == ({1_200.0}, {2_400.0})
    assert (whole["peak"]["running"]["max"], halved["peak"]["running"]["max"]) == (10, 5)
    assert halved["peak"]["capacities"]["limit/host"]["max"] == 5


def test_settings_that_are_not_named_stay_X3() -> None:
    change = {"aggregate": "capacity", "id": "calendar/prod", "command": "SetCapacity", "body": {"settings": {"per_minute": 60}}}

    assert finish(asked(one_by_one(), {"commands": [change]})) == {600.0}


def test_a_change_comes_when_it_was_said_to_X3() -> None:
    wider = {"at": "+4m", "aggregate": "capacity", "id": "calendar/prod", "command": "SetCapacity", "body": {"settings": {"limit": 3}}}

    assert finish(asked(one_by_one(), {"commands": [wider]})) == {240.0 + 120}, "two one by one, then three at once"


def test_slower_steps_take_longer_X3() -> None:
    assert finish(asked(one_by_one(), {"durations": {"copy": 3}})) == {5 * 240.0}
    assert finish(asked(one_by_one(), {"durations": {"*": 2, "rehearsal/switch": 1}})) == {5 * 180.0}


def test_a_failure_rate_is_said_instead_of_drawn_X3() -> None:
    live = Live()
    live.fleet("w", 2, max_running=1)
    never, always_ = asked(live, {"failures": {"switch": 0}}), asked(live, {"failures": {"switch": 1}})

    assert never["ends"] == {"completed": {"p50": 2, "p90": 2, "max": 2}}
    assert always_["ends"]["rolled_back"]["p50"] == 1
    assert always_["not_ended"] == [{"migration": "w-0001", "status": "waiting for admission", "probability": 1.0}], "the budget is 0"
    assert always_["finish_s"] == {"p10": None, "p50": None, "p90": None}
    assert always_["unfinished_runs"] == 2


def test_a_person_who_resumes_lets_the_rest_go_X3() -> None:
    answer = asked(one_by_one(3), {"failures": {"switch": 1}, "people": {"resume_s": 60}})

    assert answer["ends"] == {"rolled_back": {"p50": 3, "p90": 3, "max": 3}}
    assert answer["unfinished_runs"] == 0


def test_commands_that_are_refused_are_told_X3() -> None:
    override = {"aggregate": "capacity", "id": "limit/none", "command": "OverrideFreeze", "body": {"until": "+2h", "reason": "why not"}}

    (refused,) = asked(one_by_one(), {"commands": [override]})["refused"]

    assert (refused["command"], refused["id"], refused["runs"]) == ("OverrideFreeze", "limit/none", 2)
    assert "nothing to override" in refused["message"]


def test_a_wave_of_its_own_is_planned_filled_and_started_X3() -> None:
    live = Live()
    live.capacity("limit/host", limit=1)
    for name in ("a", "b"):
        live.migration(name, wave="new", limits=("limit/host",))
    members = {"members": [{"migration": "a"}, {"migration": "b", "depends_on": ["a"]}]}
    steps = [("PlanWave", {"settings": {"max_running": 1}}), ("AddMembers", members), ("StartWave", {})]
    commands = [{"at": f"+{n}m", "aggregate": "wave", "id": "new", "command": name, "body": body} for n, (name, body) in enumerate(steps)]

    answer = asked(live, {"commands": commands}, waves=("new",))

    assert answer["refused"] == []
    assert answer["started"] == []
    assert finish(answer) == {120.0 + 240}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "the what-if is []; give a table of names and values"),
        ({"command": []}, "the what-if has a field 'command' that is not known; known are commands, durations, failures, freezes, people"),
        ({"commands": {}}, "commands is {}; give a list of at most 1,000"),
        ({"commands": ["x"]}, "commands[0] is 'x'; give a table of names and values"),
        ({"commands": [{"aggregate": "capacities"}]}, "commands[0].command is missing; give a text"),
        (
            {"commands": [{"aggregate": "host", "id": "x", "command": "X"}]},
            "commands[0].aggregate is 'host'; known are capacity, migration, wave",
        ),
        (
            {"commands": [{"aggregate": "subscription", "id": "x", "command": "Unsubscribe"}]},
            "commands[0].aggregate is 'subscription'; known are capacity, migration, wave",
        ),
        (
            {"commands": [{"aggregate": "capacity", "id": "x", "command": "AcquireSlot"}]},
            "commands[0].command is 'AcquireSlot'; a capacity knows OverrideFreeze, SetCapacity",
        ),
        (
            {"commands": [{"aggregate": "capacity", "id": "x", "command": "SetCapacity", "body": {"settings": {"limits": 3}}}]},
            "commands[0].body.settings has a field 'limits' that is not known; known are description, freezes, ",
        ),
        (
            {"commands": [{"aggregate": "capacity", "id": "x", "command": "SetCapacity", "body": {"settings": {"limit": "3"}}}]},
            "commands[0].body: Expected `int`, got `str` - at `$.settings.limit`",
        ),
        (
            {"commands": [{"at": "-2h", "aggregate": "wave", "id": "w", "command": "StartWave"}]},
            "commands[0].at is '-2h'; give a time with its zone",
        ),
        (
            {"commands": [{"at": "1999-01-01T00:00:00Z", "aggregate": "wave", "id": "w", "command": "StartWave"}]},
            "commands[0].at is '1999-01-01T00:00:00Z'; give a time from the fork on",
        ),
        ({"freezes": [{"capacity": "a/b", "begins": "+2h", "ends": "+1h"}]}, "freezes[0].ends is not after freezes[0].begins"),
        (
            {"freezes": [{"capacity": "a/b", "begins": "2026-01-01T00:00:00", "ends": "+1h"}]},
            "freezes[0].begins is '2026-01-01T00:00:00'; give",
        ),
        ({"durations": {"copy": -1}}, "durations.copy is -1; give a number from 0 to 1,000"),
        ({"failures": {"copy": 1.5}}, "failures.copy is 1.5; give a number from 0 to 1"),
        ({"people": {"sleep_s": 1}}, "people has a field 'sleep_s' that is not known; known are approve_s, resume_s, retry_s, unblock_s"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_field_X3(data: Any, told: str) -> None:
    with pytest.raises(BadWhatIf) as caught:
        read(data, NOW)

    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"durations": {"cpoy": 2}}, "durations.cpoy names no step there is; known are copy, plan, rehearsal/copy, rehearsal/plan,"),
        ({"failures": {"postgres/copy": 1}}, "failures.postgres/copy names no step there is; known are copy, "),
        (
            {"freezes": [{"capacity": "calendar/prd", "begins": "+1h", "ends": "+2h"}]},
            "freezes[0].capacity is 'calendar/prd', which nobody needs; known are calendar/prod",
        ),
    ],
)
def test_a_name_that_nothing_goes_by_is_no_change_unnoticed_X3(data: Any, told: str) -> None:
    with pytest.raises(BadWhatIf) as caught:
        asked(one_by_one(), data)

    assert str(caught.value).startswith(told)


def test_a_capacity_that_the_what_if_sets_may_be_frozen_by_it_X3() -> None:
    commands = [{"aggregate": "capacity", "id": "limit/new", "command": "SetCapacity", "body": {"settings": {"limit": 1}}}]

    answer = asked(one_by_one(), {"commands": commands, "freezes": [{"capacity": "limit/new", "begins": "+1h", "ends": "+2h"}]})

    assert finish(answer) == {600.0}


def test_times_count_from_the_fork_or_stand_for_themselves_X3() -> None:
    assert moment("+90s", "at", NOW) == NOW + 90 * SECOND
    assert moment("+1.5h", "at", NOW) == NOW + 90 * MINUTE
    assert moment("+1d", "at", NOW) == NOW + 24 * HOUR
    assert moment("2026-01-01T01:00:00+01:00", "at", NOW) == NOW
