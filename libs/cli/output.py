"""Data on stdout, talk on stderr, JSON where it is asked for, one line for each error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from deploy.embedded.errors import StackError
from libs.cli.errors import CliError, Exit

WIDE = 10_000
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
NoInput = Annotated[bool, typer.Option("--no-input", envvar="WHIMBREL_NO_INPUT", help="Never ask; refuse what would need an answer.")]


def out() -> Console:
    """Where data goes."""
    return _console(stderr=False, terminal=sys.stdout.isatty())


def talk() -> Console:
    """Where everything else goes."""
    return _console(stderr=True, terminal=sys.stderr.isatty())


@cache
def _console(*, stderr: bool, terminal: bool) -> Console:
    """One console each, so that lines and live pictures know of each other. Lines are as long as they are where no terminal breaks them."""
    return Console(highlight=False, stderr=stderr) if terminal else Console(highlight=False, stderr=stderr, soft_wrap=True, width=WIDE)


def say(line: str) -> None:
    """One line of talk, plain."""
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()


def next_command(command: str) -> None:
    """Suggest what may be wanted next; only to people."""
    if sys.stderr.isatty():
        talk().print(f"[dim]next: {command}")


@contextmanager
def one_line_errors(as_json: bool) -> Iterator[None]:
    """Turn what goes wrong in the block into one line, JSON where asked for, and the exit code."""
    try:
        yield
    except StackError as error:
        raise _ended(CliError(str(error), Exit(error.exit_code)), as_json) from None
    except CliError as error:
        raise _ended(error, as_json) from None
    except KeyboardInterrupt:
        raise _ended(CliError("interrupted", Exit.INTERRUPTED, "what was asked for goes on"), as_json) from None


def _ended(error: CliError, as_json: bool) -> typer.Exit:
    if as_json:
        print_json({"error": error.line, "exit_code": int(error.code), **({"details": error.details} if error.details else {})})
    say(f"error: {error.line}")
    for detail in error.details:
        say(f"  {detail}")
    return typer.Exit(int(error.code))


def confirm(what: str, name: str, *, yes: bool, no_input: bool) -> None:
    """Have a dangerous command confirmed by typing the name of what it is done to. Raises CliError when it is not."""
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        raise CliError(f"{what} needs a confirmation and nobody can be asked", Exit.USAGE, "repeat it with --yes")
    talk().print(f"[yellow]{what}.[/] Type [bold]{name}[/] to go on:", end=" ")
    if input().strip() != name:
        raise CliError("that is not the name", Exit.REFUSED, "nothing was done")
