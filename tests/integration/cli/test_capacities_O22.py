"""`whimbrel capacity`: set, show, list, override, import (O22)."""

import json
from pathlib import Path

import pytest

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World

CALENDAR = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Year-end close\nDTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n"


def version(world: World, id_: str, least: int) -> None:
    """Wait until a capacity is shown at a version."""
    wait_until(lambda: world.run("capacity", "show", id_, "--json").json.get("version", 0) >= least, f"{id_} is at version {least}")


def test_only_what_is_named_changes_O22(world: World) -> None:
    first = world.run("capacity", "set", "limit/cli", "--limit", "3", "--per-minute", "10")
    version(world, "limit/cli", 1)
    second = world.run("capacity", "set", "limit/cli", "--per-minute", "5", "--lockout", "15")
    version(world, "limit/cli", 2)
    found = world.run("capacity", "show", "limit/cli", "--json").json

    assert (first.code, first.out, second.code) == (0, "limit/cli: done\n", 0), first.err + second.err
    assert (found["limit"], found["perMinute"], found["lockoutMs"], found["holders"], found["queue"]) == (3, 5, 900_000, [], [])


def test_a_rule_makes_windows_that_can_be_taken_away_again_O22(world: World) -> None:
    options = ["--rule", "FREQ=WEEKLY;BYDAY=SA", "--begins", "2099-01-03T22:00:00", "--zone", "Europe/Berlin", "--duration", "PT6H"]
    beyond = world.run("capacity", "set", "calendar/cli", *options)
    made = world.run("capacity", "set", "calendar/cli", *[option.replace("2099-01-03", "2026-01-03") for option in options])
    version(world, "calendar/cli", 1)
    shown = world.run("capacity", "show", "calendar/cli").out
    gone = world.run("capacity", "set", "calendar/cli", "--no-windows")
    version(world, "calendar/cli", 2)

    assert (beyond.code, made.code, gone.code) == (2, 0, 0), made.err + gone.err
    assert "more than two years ahead" in beyond.err
    assert "RRULE:FREQ=WEEKLY;BYDAY=SA from 2026-01-03T22:00:00 Europe/Berlin for PT6H" in shown
    assert "FREQ" not in world.run("capacity", "show", "calendar/cli").out


def test_a_calendar_file_freezes_and_an_override_opens_O22(world: World, tmp_path: Path) -> None:
    file = tmp_path / "freezes.ics"
    file.write_text(CALENDAR)
    imported = world.run("capacity", "import", "calendar/ics", str(file), "--zone", "Europe/Berlin")
    version(world, "calendar/ics", 1)
    frozen = world.run("capacity", "show", "calendar/ics").out
    opened = world.run("capacity", "override", "calendar/ics", "--until", "2999-01-01T00:00:00Z", "--reason", "agreed with finance")
    version(world, "calendar/ics", 2)

    assert (imported.code, opened.code) == (0, 0), imported.err + opened.err
    assert "no: the freeze 'Year-end close' is on" in frozen
    assert "2999-01-01 00:00:00 UTC: agreed with finance" in world.run("capacity", "show", "calendar/ics").out
    assert world.run("capacity", "override", "calendar/ics", "--end", "--reason", "done").code == 0


def test_all_settings_come_from_a_file_or_standard_input_O22(world: World) -> None:
    done = world.run("capacity", "set", "limit/file", "--file", "-", given=json.dumps({"limit": 7, "description": "from a file"}))
    version(world, "limit/file", 1)
    listed = world.run("capacity", "list").out.splitlines()

    assert done.code == 0, done.err
    assert [line.split()[:2] for line in listed if line.startswith("limit/file")] == [["limit/file", "7"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "limit/x"), "nothing to set"),
        (("set", "limit", "--limit", "1"), "give a kind, a slash and a name"),
        (("set", "limit/x", "--rule", "FREQ=DAILY"), "give all three"),
        (("set", "limit/x", "--limit", "9999"), "less than or equal to 5000"),
        (("set", "limit/x", "--on-close", "kill"), "finish"),
        (("override", "limit/x", "--reason", "x"), "--until"),
        (("import", "limit/x", "/nowhere.ics"), "cannot be read"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix_O22(world: World, arguments: tuple[str, ...], said: str) -> None:
    ended = world.run("capacity", *arguments)

    assert ended.code == 2
    assert said in ended.err


def test_what_there_is_not_is_not_found_O22(world: World) -> None:
    assert world.run("capacity", "show", "limit/nowhere").code == 5
