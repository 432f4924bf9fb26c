"""Answers at go/no-go gates: approve, refuse, delegate, waive."""

from collections.abc import Callable
from typing import Annotated

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url
from libs.cli.operating import Id, IfVersion, Reason, send
from libs.cli.output import AsJson, NoInput, Yes

OnBehalfOf = Annotated[str, typer.Option("--on-behalf-of", metavar="SUBJECT", help="Who handed you the right that you use.")]
Evidence = Annotated[
    int, typer.Option("--evidence-version", min=0, help="Version that you looked at: refused if what the gate rests on has changed since.")
]
Until = Annotated[str, typer.Option("--until", help="Until when (RFC 3339), e.g. 2026-01-31T12:00:00Z.")]
To = Annotated[str, typer.Option("--to", metavar="SUBJECT", help="Who may approve instead of you.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add these commands to the `whimbrel` command."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=panel)(command)


def approve(
    id_: Id, reason: Reason = "", on_behalf_of: OnBehalfOf = "", evidence_version: Evidence = 0, if_version: IfVersion = 0, url: Url = "",
    token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let a migration that awaits approval go on. `whimbrel show` says what the gate asks for and what it rests on."""
    send("approve", id_, {"reason": reason, "onBehalfOf": on_behalf_of, "evidenceVersion": evidence_version}, locals())


def refuse(
    id_: Id, reason: Reason, if_version: IfVersion = 0, url: Url = "", token: Token = "", tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Refuse the approval; the migration is rolled back."""
    send("refuse", id_, {"reason": reason}, locals())


def delegate(
    id_: Id, to: To, until: Until, reason: Reason, if_version: IfVersion = 0, url: Url = "", token: Token = "",
    tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Hand your right to approve at the gate that is awaited to another person. Whoever uses it first has used it up."""
    send("delegate-approval", id_, {"to": to, "until": until, "reason": reason}, locals())


def waive(
    id_: Id, until: Until, reason: Reason, yes: Yes = False, no_input: NoInput = False, if_version: IfVersion = 0, url: Url = "",
    token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let a migration pass the gate that is awaited without what that asks for; on the record as a waiver. Asks for the id first."""
    send("waive-approval", id_, {"until": until, "reason": reason}, locals() | {"danger": "Waiving the gate of"})


def way_back(
    id_: Id,
    evidence: Annotated[str, typer.Option("--evidence", help="What was rehearsed, where, and what shows how it ended.")],
    passed: Annotated[bool, typer.Option("--passed/--failed", help="Whether everything was undone.")],
    at: Annotated[str, typer.Option("--at", help="When it ended (RFC 3339); now when left out.")] = "",
    if_version: IfVersion = 0,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Record that the way back of a migration was rehearsed elsewhere. Gates that ask for it rest on the last one."""
    send("way-back", id_, {"passed": passed, "evidence": evidence} | ({"at": at} if at else {}), locals(), whole=True)


_COMMANDS: dict[str, Callable[..., None]] = {
    "approve": approve,
    "refuse": refuse,
    "delegate": delegate,
    "waive": waive,
    "way-back": way_back,
}
