"""The reference page is what the application says of itself (U8), and the application says enough."""

from importlib.metadata import version
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from libs.cli.app import EPILOG, application
from libs.cli.errors import MEANING, Exit
from libs.cli.reference import PAGE, page


def commands() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        for sub_name, sub in getattr(command, "commands", {}).items():
            walk(sub, f"{name} {sub_name}".strip())
        if not hasattr(command, "commands"):
            found[name] = command

    walk(typer.main.get_command(application()), "")
    return found


COMMANDS = commands()
WANTED = "up down status migrate plan watch events show pause resume cancel rollback retry dlq token audit rebuild provision list approve refuse skip config"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m libs.cli.reference"


def test_every_command_that_was_promised_is_there() -> None:
    assert set(WANTED.split()) <= {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained_and_every_command_speaks_json(name: str) -> None:
    command = COMMANDS[name]
    options = [one for one in command.params if one.param_type_name == "option"]

    assert command.help
    assert [one.name for one in options if not one.help] == []
    assert any("--json" in one.opts for one in options)


@pytest.mark.parametrize("name", ["cancel", "rollback", "skip", "dlq discard"])
def test_dangerous_commands_can_be_answered_beforehand(name: str) -> None:
    assert {"--yes", "--no-input"} <= {opt for one in COMMANDS[name].params for opt in one.opts}


def test_every_exit_code_has_a_meaning_and_the_help_names_them() -> None:
    assert set(MEANING) == set(Exit)
    assert all(f"{int(code)} " in EPILOG for code in Exit if code != Exit.INTERNAL)


def test_the_command_says_which_release_it_is_U8() -> None:
    said = CliRunner().invoke(application(), ["--version"])

    assert (said.exit_code, said.stdout) == (0, f"whimbrel {version('whimbrel')}\n")
