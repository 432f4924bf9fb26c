"""A wave is rehearsed from the log of running services: the same question has the same answer, and the log stays as it is (X3)."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from libs.audit import log
from libs.contracts.topics import TOPICS
from libs.readmodel.position import Position
from libs.runtime import kafka
from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World, rehearsal

MEMBERS, AT_ONCE, STEPS, STEP_MS = 24, 4, 3, 200


def done(world: World, *arguments: str, given: str = "") -> Any:
    ended = world.run(*arguments, "--json", given=given)
    assert ended.code == 0, ended.err
    return ended.json


def ends(world: World) -> dict[tuple[str, int], int]:
    """Where every topic of the prefix ends."""
    return log.ends(world.environment["WHIMBREL_KAFKA"], world.environment["WHIMBREL_PREFIX"], [topic.name for topic in TOPICS])


def groups(world: World) -> set[str]:
    """Every consumer group of the prefix, and those of whoever reads outside any; other tests have groups at the same brokers."""
    found = AdminClient({"bootstrap.servers": world.environment["WHIMBREL_KAFKA"]}).list_consumer_groups().result(60)
    ours = (world.environment["WHIMBREL_PREFIX"] + ".", "whimbrel-")
    return {group.group_id for group in found.valid or () if group.group_id.startswith(ours)}


def at_rest(world: World) -> dict[tuple[str, int], int]:
    """Ends of all topics once nothing is written any more."""
    seen: list[dict[tuple[str, int], int]] = [{}]

    def same() -> bool:
        seen.append(ends(world))
        return seen[-1] == seen[-2]

    wait_until(same, "nothing is written any more", 30)
    return seen[-1]


def wave_of(world: World, wave: str, members: int) -> None:
    done(world, "wave", "plan", wave, "--limit", f"limit/{wave}")
    for number in range(members):
        body = json.loads(rehearsal(f"{wave}-{number}", steps=STEPS, duration_ms=STEP_MS)) | {"wave": wave}
        assert world.run("migrate", "file", "-", "--no-wait", given=json.dumps(body)).code == 0
    done(world, "wave", "add", wave, *(f"{wave}-{number}" for number in range(members)))
    wait_until(lambda: done(world, "wave", "show", wave)["members"] == members, f"{wave} has its members", 30)


def applied(answer: Any) -> int:
    """On how many work items of its own steps an answer rests; other migrations of the same log may be among them."""
    return sum(one["samples"] for one in answer["samples"] if one["direction"] == "apply" and one["of"] == "step")


def first_start(world: World, wave: str) -> str:
    """Position before a wave was started."""
    started = next(
        record
        for record in log.records(world.environment["WHIMBREL_KAFKA"], world.environment["WHIMBREL_PREFIX"], ["wave.events"])
        if record.key == f"default/{wave}".encode() and record.header("ce_type").endswith(b".WaveStarted")
    )
    position = Position()
    for record in log.records(world.environment["WHIMBREL_KAFKA"], world.environment["WHIMBREL_PREFIX"]):
        kind = record.topic.split(".")[1]
        if record.timestamp < started.timestamp:
            position[kind, record.partition] = record.offset + 1
    return str(position)


@pytest.fixture(scope="module")
def planned(world: World) -> World:
    """A wave that has run, which is the history, and one that is planned."""
    wave_of(world, "past", 6)
    done(world, "wave", "start", "past")
    wait_until(lambda: done(world, "wave", "show", "past")["status"] == "completed", "the first wave is completed", 60)
    done(world, "capacity", "set", "limit/next", "--limit", str(AT_ONCE))
    wave_of(world, "next", MEMBERS)
    at_rest(world)
    return world


def test_the_same_question_has_the_same_answer_in_another_process_X3(planned: World) -> None:
    first = done(planned, "rehearse", "wave", "next", "--seed", "7", "--runs", "12", "--processes", "1")
    asked = ("rehearse", "wave", "next", "--seed", "7", "--runs", "12", "--processes", "2", "--at", first["position"], "--json")
    second = planned.process(*asked, PYTHONHASHSEED="4711").json

    assert second == first
    assert done(planned, "rehearse", "wave", "next", "--seed", "8", "--runs", "12", "--processes", "1")["hash"] != first["hash"]
    assert first["started"] == ["next"]
    assert first["ends"]["completed"]["max"] == MEMBERS
    assert first["peak"]["capacities"]["limit/next"]["max"] == AT_ONCE
    assert 0 < first["finish_s"]["p10"] <= first["finish_s"]["p90"]
    assert {one["of"] for one in first["samples"] if one["direction"] == "apply"} == {"step"}


def test_a_rehearsal_writes_nothing_anywhere_X3(planned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*arguments: object, **settings: object) -> None:
        raise AssertionError("a rehearsal opened a producer")

    monkeypatch.setattr(kafka, "_producer_settings", opened)
    before, known = at_rest(planned), groups(planned)

    done(planned, "rehearse", "wave", "--all", "--runs", "2", "--processes", "1")

    assert ends(planned) == before
    assert groups(planned) == known


def test_a_position_of_the_past_is_forked_as_it_was_X3(planned: World) -> None:
    position = done(planned, "wave", "show", "past")["position"]
    ended = planned.run("rehearse", "wave", "next", "--runs", "1", "--at", "wave:0:0")
    answer = done(planned, "rehearse", "wave", "past", "--runs", "1", "--processes", "1", "--at", position)

    assert (ended.code, ended.err) == (5, "error: there is no wave next at this position: see whimbrel wave list\n")
    assert answer["finish_s"]["p50"] <= 0
    beyond = planned.run("rehearse", "wave", "next", "--at", "migration:0:999999999")
    assert beyond.code == 2
    assert "the log ends at" in beyond.err
    assert planned.run("rehearse", "wave", "next", "--at", "yesterday").code == 2
    assert planned.run("rehearse", "wave", "next", "--learn-at", "now", "--at", "migration:0:0").code == 5


def test_in_hindsight_it_learns_from_what_came_afterwards_X3(planned: World) -> None:
    """Nothing of the first wave was known when it was planned; all of it is known now."""
    begun = first_start(planned, "past")
    blind = done(planned, "rehearse", "wave", "past", "--runs", "20", "--processes", "1", "--at", begun)
    after = done(planned, "rehearse", "wave", "past", "--runs", "20", "--processes", "1", "--at", begun, "--learn-at", "now")

    assert blind["position"] == after["position"] == begun
    assert blind["learnt_at"] == begun != after["learnt_at"]
    assert {one["of"] for one in after["samples"] if one["direction"] == "apply"} == {"step"}
    assert applied(after) >= applied(blind) + 6 * STEPS


def test_people_are_shown_what_it_comes_to_X3(planned: World, tmp_path: Path) -> None:
    file = tmp_path / "half.toml"
    file.write_text('[[commands]]\naggregate = "capacity"\nid = "limit/next"\ncommand = "SetCapacity"\nbody.settings.limit = 2\n')

    ended = planned.run("rehearse", "wave", "next", "--runs", "2", "--processes", "1", "--what-if", str(file))

    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert any(line.split() == ["limit/next", "2", "2", "2"] for line in lines), ended.out
    assert any(line.startswith("started at the fork: next") for line in lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "bad.json is no JSON: Expecting property name"),
        ('{"freeze": []}', "bad.json: the what-if has a field 'freeze' that is not known; known are commands, durations, failures"),
        ('{"durations": {"copy": "slow"}}', "bad.json: durations.copy is 'slow'; give a number from 0 to 1,000"),
        ('{"freezes": [{"capacity": "a/b", "begins": "soon", "ends": "+2h"}]}', "bad.json: freezes[0].begins is 'soon'; give a time"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_field_X3(planned: World, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)

    ended = planned.run("rehearse", "wave", "next", "--what-if", str(file))

    assert ended.code == 2
    assert ended.err.startswith(f"error: {told}"), ended.err
    assert ended.err.count("\n") == 1
