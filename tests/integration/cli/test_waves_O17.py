"""`whimbrel wave`: plan, add, start, pause, resume, cancel, rollback, show, list, members (O17, X5)."""

import json
from typing import Any

import pytest

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World, rehearsal


def ask(world: World, id_: str, wave: str, *depends_on: str, **options: Any) -> None:
    """A rehearsal that moves with a wave."""
    body = json.loads(rehearsal(id_, steps=2, **options)) | {"wave": wave, "dependsOn": list(depends_on)}
    done = world.run("migrate", "file", "-", "--no-wait", given=json.dumps(body))
    assert done.code == 0, done.err


def is_listed(world: World, wave: str, count: int) -> None:
    wait_until(lambda: len(world.run("list", "--wave", wave, "--json").json["items"]) == count, "the migrations are listed")


def status_is(world: World, wave: str, status: str) -> None:
    wait_until(lambda: world.run("wave", "show", wave, "--json").json.get("status") == status, f"{wave} is {status}", 60)


def test_a_wave_is_planned_filled_and_moved_in_order_O17(world: World) -> None:
    ask(world, "w1-db", "w1")
    ask(world, "w1-shop", "w1", "w1-db")
    is_listed(world, "w1", 2)
    planned = world.run("wave", "plan", "w1", "--max-running", "1", "--description", "the shop")
    added = world.run("wave", "add", "w1", "--all")
    started = world.run("wave", "start", "w1")
    status_is(world, "w1", "completed")
    shown, listed = world.run("wave", "show", "w1").out, world.run("wave", "list").out
    members = world.run("wave", "members", "w1", "--state", "completed").out.splitlines()

    assert (planned.code, added.code, started.code) == (0, 0, 0), planned.err + added.err + started.err
    assert (planned.out, added.out, started.out) == ("w1: done\n", "w1: 2 added\n", "w1: done\n")
    assert "2: 2 completed" in shown
    assert "the shop" in listed
    assert [line.split()[:2] for line in members[1:]] == [["w1-db", "completed"], ["w1-shop", "completed"]]
    since = [one["since"] for one in world.run("wave", "members", "w1", "--json").json["items"]]
    assert since == sorted(since)


def test_a_rollback_is_shown_first_and_needs_a_reason_and_the_name_X5(world: World) -> None:
    world.run("wave", "plan", "w2", "--max-failures", "3")
    status_is(world, "w2", "planned")
    world.run("wave", "plan", "w2", "--max-running", "1")
    added = world.run("wave", "add", "w2", "w2-a", "w2-b:w2-a")
    started = world.run("wave", "start", "w2")
    status_is(world, "w2", "running")
    dry = world.run("wave", "rollback", "w2", "--dry-run")
    unsaid, unasked = world.run("wave", "rollback", "w2"), world.run("wave", "rollback", "w2", "--reason", "x", "--no-input")
    found = world.run("wave", "show", "w2", "--json").json
    done = world.run("wave", "rollback", "w2", "--reason", "wrong network", "--yes")
    status_is(world, "w2", "rolled_back")

    assert (added.code, started.code, dry.code) == (0, 0, 0), added.err + started.err + dry.err
    assert (found["maxFailures"], found["maxRunning"], found["members"]) == (3, 1, 2)
    assert dry.out.splitlines()[0] == "0 of 2 members would be rolled back"
    assert "not begun; it is not admitted any more" in dry.out
    assert (unsaid.code, unasked.code, done.code) == (2, 2, 0), done.err
    assert "--dry-run" in unsaid.err


def test_a_wave_is_paused_resumed_and_cancelled_O17(world: World) -> None:
    world.run("wave", "plan", "w3")
    world.run("wave", "add", "w3", "w3-a")
    world.run("wave", "start", "w3")
    assert world.run("wave", "pause", "w3", "--reason", "storm").out == "w3: paused\n"
    assert world.run("wave", "resume", "w3").code == 0
    assert world.run("wave", "cancel", "w3", "--reason", "not wanted", "--yes").out == "w3: cancelled\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "wx"), "name members, or give --all"),
        (("add", "wx", "a", "--all"), "name members, or give --all"),
        (("start", "wx"), "plan it first"),
        (("show", "wx"), "no such wave"),
        (("members", "wx", "--state", "lost"), "state"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_O17(world: World, arguments: tuple[str, ...], said: str) -> None:
    ended = world.run("wave", *arguments)

    assert ended.code != 0
    assert said in ended.err
    assert "Traceback" not in ended.err
