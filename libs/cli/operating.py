"""Commands to one migration: pause, resume, cancel, rollback, retry, skip."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.output import AsJson, NoInput, Yes, confirm, next_command, one_line_errors, out, print_json

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the migration.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")]
IfVersion = Annotated[int, typer.Option("--if-version", min=0, help="Do it only if the migration is at this version; 0 for any.")]
FromStep = Annotated[str, typer.Option("--from-step", help="Earlier step to go back to; what was done since is undone first.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add these commands to the `whimbrel` command."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=panel)(command)


def send(action: str, id_: str, body: dict[str, Any], given: dict[str, Any], *, whole: bool = False) -> None:
    """Send one command and say what was decided. `given` holds the options that all of them have, by the names of their parameters.

    What is empty is left out of the body, unless it is `whole`.
    """
    as_json = given["as_json"]
    with one_line_errors(as_json):
        if "danger" in given:
            confirm(f"{given['danger']} {id_}", id_, yes=given["yes"], no_input=given["no_input"])
        api = connect(given["url"], given["token"], given["data_dir"], given["tenant"])
        if_match = f'"{given["if_version"]}"' if given["if_version"] else ""
        reply = api.command(
            f"/v1/migrations/{id_}/{action}", {name: value for name, value in body.items() if value or whole}, if_match=if_match
        )
        if as_json:
            print_json(reply.body)
            return
        status = reply.body.get("status") or ("accepted, not decided yet" if reply.status == 202 else "done")
        out().print(f"{id_}: {status}")
        next_command(f"whimbrel watch {id_}")


def pause(
    id_: Id, reason: Reason, if_version: IfVersion = 0, url: Url = "", token: Token = "", tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let what is in flight finish, then start nothing further until it is resumed. What goes back to a step stays there."""
    send("pause", id_, {"reason": reason}, locals())


def resume(
    id_: Id, reason: Reason = "", if_version: IfVersion = 0, url: Url = "", token: Token = "", tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Go on after a pause."""
    send("resume", id_, {"reason": reason}, locals())


def cancel(
    id_: Id, reason: Reason, yes: Yes = False, no_input: NoInput = False, if_version: IfVersion = 0, url: Url = "", token: Token = "",
    tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Stop, undo everything that was done, end as cancelled. Asks for the id first."""
    send("cancel", id_, {"reason": reason}, locals() | {"danger": "Cancelling"})


def rollback(
    id_: Id, reason: Reason, yes: Yes = False, no_input: NoInput = False, if_version: IfVersion = 0, url: Url = "", token: Token = "",
    tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Stop, undo everything that was done, end as rolled back. Asks for the id first."""
    send("rollback", id_, {"reason": reason}, locals() | {"danger": "Rolling back"})


def retry(
    id_: Id, from_step: FromStep = "", reason: Reason = "", if_version: IfVersion = 0, url: Url = "", token: Token = "",
    tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Try again what failed or is stuck, or go back to an earlier step and forward from there."""
    send("retry", id_, {"reason": reason, "fromStep": from_step}, locals())


def skip(
    id_: Id, reason: Reason, yes: Yes = False, no_input: NoInput = False, if_version: IfVersion = 0, url: Url = "", token: Token = "",
    tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Give up the compensation that is stuck, leave its effect as it is, and go on going back. Asks for the id first."""
    send("skip-compensation", id_, {"reason": reason}, locals() | {"danger": "Skipping a compensation of"})


_COMMANDS: dict[str, Callable[..., None]] = {
    "pause": pause, "resume": resume, "cancel": cancel, "rollback": rollback, "retry": retry, "skip": skip,
}  # fmt: skip
