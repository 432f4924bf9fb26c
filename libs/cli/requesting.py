"""`whimbrel migrate`: ask for a move, and watch it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libs.cli import summary
from libs.cli.approval_options import Gate, Rehearses, gate_of
from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.endpoints import capacities, json_of, options, side
from libs.cli.errors import CliError, Exit
from libs.cli.following import Follower
from libs.cli.live_view import view
from libs.cli.output import AsJson, next_command, one_line_errors, out, print_json
from libs.cli.planning import Approve, Limit, Option, Source, Target

if TYPE_CHECKING:
    from libs.cli.client import Api, Reply

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Watch it to its end, or return once it is accepted.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait at most this long; 0 without end. Exit code 6 after that.")
]
Id = Annotated[str, typer.Option("--id", help="Id of the migration; asking again with the same one finds the first.")]
Application = Annotated[str, typer.Option("--application", "--app", help="Application that it belongs to.")]
Environment = Annotated[str, typer.Option("--environment", envvar="WHIMBREL_ENVIRONMENT", help="Environment; must be the API's.")]
Label = Annotated[list[str], typer.Option("--label", metavar="NAME=VALUE", help="Label to find it by; repeatable.")]
OnFailure = Annotated[
    str, typer.Option("--on-failure", metavar="rollback|hold", help="After a failure: go back by itself, or wait for you.")
]
Wave = Annotated[str, typer.Option("--wave", help="Wave that it moves with: it begins once that admits it.")]
DependsOn = Annotated[
    list[str], typer.Option("--depends-on", metavar="ID", help="Migration of the wave that must be completed first; repeatable.")
]
Callback = Annotated[str, typer.Option("--callback-url", help="Where signed callbacks about it are sent.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add `migrate` to the `whimbrel` command."""
    group = typer.Typer(help="Ask for a move and watch it.", no_args_is_help=True)
    group.command("postgres")(migrate_postgres)
    group.command("file")(migrate_file)
    app.add_typer(group, name="migrate", rich_help_panel=panel)


def migrate_postgres(
    source: Source,
    target: Target,
    option: Option = [],  # noqa: B006 - typer copies it
    limit: Limit = [],  # noqa: B006
    approve: Approve = False,
    gate: Gate = [],  # noqa: B006
    rehearses: Rehearses = "",
    id_: Id = "",
    application: Application = "",
    environment: Environment = "dev",
    label: Label = [],  # noqa: B006
    on_failure: OnFailure = "rollback",
    wave: Wave = "",
    depends_on: DependsOn = [],  # noqa: B006
    callback_url: Callback = "",
    wait: Wait = True,
    timeout: Timeout = 0,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Move a live PostgreSQL database to another server, under write load, without losing a write.

    Secrets are given by reference: env:NAME is a variable of the workers (for a local stack: whimbrel up --env-file FILE), file:PATH a
    file below their credential directory (for a local stack: whimbrel credential set NAME). Exit code 0 only when it completed.

    Example: whimbrel migrate postgres --source env:SHOP_DSN --target env:NEW_SHOP_DSN --application shop
    """
    with one_line_errors(as_json):
        body: dict[str, Any] = {
            "provider": "postgres", "appName": application or "postgres", "environment": environment,
            "source": side("source", source), "target": side("target", target), "options": options(option),
            "limits": capacities(limit), "labels": dict(_pair(one) for one in label), "onFailure": on_failure, "approval": approve,
            "approvals": [gate_of(one) for one in gate],
        }  # fmt: skip
        given = {"migrationId": id_, "rehearses": rehearses, "wave": wave, "dependsOn": depends_on, "callbackUrl": callback_url}
        body |= {name: value for name, value in given.items() if value}
        ask(connect(url, token, data_dir, tenant), body, wait=wait, timeout=timeout, as_json=as_json)


def migrate_file(
    file: Annotated[Path, typer.Argument(help="Request as JSON (schemas/migration-request.schema.json); - reads stdin.", allow_dash=True)],
    wait: Wait = True,
    timeout: Timeout = 0,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Ask for any move, of any provider, as a file describes it."""
    with one_line_errors(as_json):
        body = json_of(file)
        ask(connect(url, token, data_dir, tenant), body, wait=wait, timeout=timeout, as_json=as_json)


def ask(api: "Api", body: dict[str, Any], *, wait: bool, timeout: float, as_json: bool) -> None:
    """Ask for it; then watch it or say what was accepted. Ends the command with the exit code that its end calls for."""
    key = f"request-{body['migrationId']}" if isinstance(body, dict) and body.get("migrationId") else ""
    reply = api.command("/v1/migrations", body, key=key)
    if not wait:
        _accepted(reply, as_json)
        return
    with view(as_json) as shown:
        story = Follower(api, reply.body["id"], shown).run(timeout_s=timeout, min_position=reply.position)
    summary.show(story, as_json)
    raise typer.Exit(summary.exit_code(story))


def _accepted(reply: "Reply", as_json: bool) -> None:
    if as_json:
        print_json(reply.body)
        return
    out().print(reply.body["id"])
    next_command(f"whimbrel watch {reply.body['id']}")


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise CliError(f"--label {given} is not name=value", Exit.USAGE, "write for example --label team=shop")
    return name, value
