"""`whimbrel dlq`: messages that a reader could not take."""

from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.endpoints import json_of
from libs.cli.operating import Reason
from libs.cli.output import AsJson, NoInput, Yes, confirm, next_command, one_line_errors, out, print_json
from libs.cli.text import rows, table
from libs.cli.text import show as show_table

Letter = Annotated[str, typer.Argument(metavar="LETTER", help="Id of the dead letter, as dlq list shows it.")]
Unattributed = Annotated[bool, typer.Option("--unattributed", help="Those that name no tenant; for the platform's own tenant only.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add `dlq` to the `whimbrel` command."""
    group = typer.Typer(help="Messages that a reader could not take: look, correct, replay, discard.", no_args_is_help=True)
    group.command("list")(list_letters)
    for command in (show, replay, discard):
        group.command()(command)
    app.add_typer(group, name="dlq", rich_help_panel=panel)


def list_letters(
    status: Annotated[str, typer.Option("--status", metavar="open|replayed|discarded", help="Only in this status.")] = "open",
    reason: Annotated[str, typer.Option("--reason", help="Only with this reason, e.g. invalid.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    unattributed: Unattributed = False,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first."""
    with one_line_errors(as_json):
        api = connect(url, token, data_dir, tenant)
        found = api.get("/v1/dead-letters", status=status, reason=reason, limit=limit, **_whose(unattributed)).body
        if as_json:
            print_json(found)
        elif found["items"]:
            lines = [(one["id"], one["reason"], (one["readAt"] or "")[:19].replace("T", " "), one["detail"]) for one in found["items"]]
            show_table(out(), rows(table("letter", "reason", "read (UTC)", "what is wrong"), lines))
            next_command(f"whimbrel dlq show {lines[0][0]}")
        else:
            out().print("none")


def show(
    letter: Letter, unattributed: Unattributed = False, url: Url = "", token: Token = "", tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show one dead letter with what it held."""
    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get(f"/v1/dead-letters/{letter}", **_whose(unattributed)).body
        if as_json:
            print_json(found)
            return
        made = table("", "")
        made.show_header = False
        names = (
            "status",
            "reason",
            "detail",
            "reader",
            "topic",
            "partition",
            "offset",
            "readAt",
            "resolutionReason",
            "resolvedBy",
            "resolvedAt",
        )
        show_table(out(), rows(made, [(name, found[name]) for name in names if found.get(name) is not None]))
        out().print("\n" + (found["text"] if found["text"] is not None else f"base64 {found['value']}"), markup=False)
        next_command(f"whimbrel dlq replay {letter}, or whimbrel dlq discard {letter} --reason ...")


def replay(
    letter: Letter,
    payload: Annotated[
        Path | None,
        typer.Option("--payload", help="Corrected migration request as JSON, for a message of intake; - reads stdin.", allow_dash=True),
    ] = None,
    reason: Reason = "",
    unattributed: Unattributed = False,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Send it to its topic again, corrected where a payload is given; a second time changes nothing."""
    with one_line_errors(as_json):
        body: dict[str, Any] = {"reason": reason} if reason else {}
        if payload is not None:
            body["payload"] = json_of(payload)
        api = connect(url, token, data_dir, tenant)
        _resolved(api.command(f"/v1/dead-letters/{letter}/replay", body, wait_s=0, query=_whose(unattributed)).body, as_json)


def discard(
    letter: Letter,
    reason: Reason,
    unattributed: Unattributed = False,
    yes: Yes = False,
    no_input: NoInput = False,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Let it be, with a reason on record. Asks for its id first."""
    with one_line_errors(as_json):
        confirm(f"Discarding {letter}", letter, yes=yes, no_input=no_input)
        api = connect(url, token, data_dir, tenant)
        _resolved(api.command(f"/v1/dead-letters/{letter}/discard", {"reason": reason}, wait_s=0, query=_whose(unattributed)).body, as_json)


def _whose(unattributed: bool) -> dict[str, str]:
    return {"unattributed": "true"} if unattributed else {}


def _resolved(body: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        out().print(f"{body['id']}: {body['status']}")
