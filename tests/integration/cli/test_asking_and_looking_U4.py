"""From asking for a migration to knowing where it is and why, on the command line (U4)."""

import json

from tests.integration.cli.conftest import World, rehearsal


def test_a_move_is_asked_for_and_watched_to_its_end(world: World) -> None:
    ended = world.run("migrate", "file", "-", given=rehearsal("whole", steps=3))

    assert ended.code == 0, ended.err
    assert ended.out.startswith("completed whole in ")
    assert "whole: planned: 3 steps" in ended.err
    assert "whole: completed: all 3 steps" in ended.err


def test_asked_for_twice_it_is_found_again(world: World) -> None:
    first, second = (world.run("migrate", "file", "-", "--json", given=rehearsal("twice", steps=2)).json for _ in range(2))

    assert first == second
    assert first["status"] == "completed"


def test_where_it_is_and_why_takes_two_commands(world: World) -> None:
    world.requested("failing", steps=3, fail_at="step_2", fail_for_good=True)

    watched = world.run("watch", "failing", "--timeout", "60")
    shown = world.run("show", "failing")
    history = world.run("events", "failing")

    assert watched.code == 1
    assert watched.out.startswith("rolled_back failing in ")
    assert "rolled_back" in shown.out
    assert history.out.split()[2] == "MigrationRequested"
    assert "step_2 failed: " in history.out
    assert "rolled back; the source is as it was" in history.out.splitlines()[-1]


def test_json_is_one_document_and_nothing_else_on_stdout(world: World) -> None:
    world.run("migrate", "file", "-", given=rehearsal("documents", steps=2))

    events = [json.loads(line) for line in world.process("events", "documents", "--json").out.splitlines()]
    watched, shown, listed = (
        world.process(*arguments, "--json") for arguments in (("watch", "documents"), ("show", "documents"), ("list",))
    )

    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert (watched.json["status"], shown.json["status"]) == ("completed", "completed")
    assert watched.json["version"] == shown.json["version"] == len(events)
    assert "documents" in {one["id"] for one in listed.json["items"]}
    assert watched.err == shown.err == listed.err == ""


def test_the_past_is_shown_as_it_was(world: World) -> None:
    world.run("migrate", "file", "-", given=rehearsal("history", steps=2))
    events = [json.loads(line) for line in world.run("events", "history", "--json").out.splitlines()]
    planned = next(event for event in events if event["type"] == "MigrationPlanned")

    then = world.run("show", "history", "--at", planned["recordedAt"], "--json")
    assert then.code == 0, then.err
    assert then.json["status"] != "completed"
    known = [event for event in events if event["recordedAt"] <= planned["recordedAt"]]
    assert [json.loads(line) for line in world.run("events", "history", "--at", planned["recordedAt"], "--json").out.splitlines()] == known
    assert len(known) < len(events)


def test_waiting_ends_with_the_time_given(world: World) -> None:
    world.requested("slow", steps=2, duration_ms=30_000)

    ended = world.run("watch", "slow", "--timeout", "1")

    assert ended.code == 6
    assert "look again with whimbrel watch slow" in ended.err
    assert world.run("cancel", "slow", "--reason", "test over", "--yes").code == 0


def test_what_is_wrong_with_a_request_is_named_field_by_field(world: World) -> None:
    ended = world.run("migrate", "file", "-", given='{"provider": "rehearsal", "appName": "", "stepz": 1}')

    assert ended.code == 2
    assert ended.out == ""
    assert {"/appName", "/environment", "/source", "/target", "/stepz"} <= {
        line.strip().partition(":")[0] for line in ended.err.splitlines()
    }


def test_problems_that_forbid_a_move_end_it_before_anything_is_touched(world: World) -> None:
    ended = world.run("migrate", "postgres", "--source", "env:NO_SUCH_DSN", "--target", "env:NO_OTHER_DSN", "--id", "impossible")

    assert ended.code == 1
    assert ended.out.startswith("rejected impossible")
    assert "variable NO_SUCH_DSN is not set where the workers run" in ended.out
    assert "variable NO_OTHER_DSN is not set where the workers run" in ended.out
