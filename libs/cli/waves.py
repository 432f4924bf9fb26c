"""`whimbrel wave`: migrations that are moved together, in the order of what depends on what."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.errors import CliError, Exit
from libs.cli.operating import Reason
from libs.cli.output import AsJson, NoInput, Yes, confirm, next_command, one_line_errors, out, print_json
from libs.cli.reading import At
from libs.cli.wave_view import listed, members_listed, rollback_shown, shown

if TYPE_CHECKING:
    from libs.cli.client import Reply

Name = Annotated[str, typer.Argument(metavar="WAVE", help="Name of the wave.")]
_SETTINGS = ("limits", "after", "maxFailures", "maxRunning", "description")


def register(app: typer.Typer, panel: str) -> None:
    """Add `wave` to the `whimbrel` command."""
    group = typer.Typer(help="Migrations that are moved together, in the order of what depends on what.", no_args_is_help=True)
    for name, command in _COMMANDS.items():
        group.command(name)(command)
    app.add_typer(group, name="wave", rich_help_panel=panel)


def plan(
    name: Name,
    limits: Annotated[list[str] | None, typer.Option("--limit", help="Capacity that every member needs a slot of; repeatable.")] = None,
    after: Annotated[list[str] | None, typer.Option("--after", help="Wave that must be completed first; repeatable.")] = None,
    max_failures: Annotated[int | None, typer.Option("--max-failures", min=0, help="How many members may fail before it stops.")] = None,
    max_running: Annotated[int | None, typer.Option("--max-running", min=0, help="How many may be on their way; 0 for any.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Set under which conditions a wave is moved; the first time makes it. Only what is named changes."""
    with one_line_errors(as_json):
        named = {"limits": limits, "after": after, "maxFailures": max_failures, "maxRunning": max_running, "description": description}
        api = connect(url, token, data_dir, tenant)
        before, etag = api.settings(_path(name), _SETTINGS)
        changes = {field: value for field, value in named.items() if value is not None}
        _told(name, api.command(_path(name), before | changes, method="PUT", if_match=etag), as_json)


def add(
    name: Name,
    members: Annotated[
        list[str] | None, typer.Argument(metavar="[MEMBER]...", help="Migrations: an id, or with what it depends on, e.g. shop:db,cache.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All migrations that name the wave in their request.")] = False,
    label: Annotated[list[str] | None, typer.Option("--label", help="Those of them with this label, name=value; repeatable.")] = None,
    status: Annotated[list[str] | None, typer.Option("--status", help="Those of them in this status; repeatable.")] = None,
    application: Annotated[str, typer.Option("--application", "--app", help="Those of them of this application.")] = "",
    search: Annotated[str, typer.Option("--search", help="Those of them found by this, as whimbrel list finds them.")] = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Add members: those named, or those whose requests name the wave and fit now; these depend on what their requests name."""
    with one_line_errors(as_json):
        given = {"label": label, "status": status, "application": application, "search": search}
        where = {field: value for field, value in given.items() if value}
        if bool(members) == (everybody or bool(where)):
            raise CliError(
                "it is not said who is added", Exit.USAGE, "name members, or give --all, or say who fits, e.g. --label team=core"
            )
        body = {"members": [_member(one) for one in members]} if members else {"where": where}
        reply = connect(url, token, data_dir, tenant).command(f"{_path(name)}/members", body)
        _told(name, reply, as_json, f"{len(reply.body['members'])} added" + (", more fit: repeat it" if reply.body["more"] else ""))


def _member(given: str) -> dict[str, Any]:
    migration, _, depends_on = given.partition(":")
    return {"migration": migration, "dependsOn": [other for other in depends_on.split(",") if other]}


def start(
    name: Name, reason: Reason = "", url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Admit members, in the order of what depends on what. A cycle is refused and named."""
    _send("start", name, reason, locals())


def pause(
    name: Name, reason: Reason, url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Admit nobody, and pause those on their way; what is in flight finishes."""
    _send("pause", name, reason, locals())


def resume(
    name: Name, reason: Reason = "", url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Go on after a pause, or after too many failures, which are accepted with that."""
    _send("resume", name, reason, locals())


def cancel(
    name: Name, reason: Reason, yes: Yes = False, no_input: NoInput = False, url: Url = "", token: Token = "", tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Admit nobody, and cancel everybody who has not ended. Asks for the name first."""
    _send("cancel", name, reason, locals() | {"danger": "Cancelling the wave"})


def rollback(
    name: Name,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show who would be rolled back and who not, and do nothing.")] = False,
    yes: Yes = False,
    no_input: NoInput = False,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Admit nobody, and roll back those on their way. Shows first who that is, and asks for the name."""
    with one_line_errors(as_json):
        if not dry_run and not reason:
            raise CliError("why is not said", Exit.USAGE, "give --reason, or --dry-run to see what it would do")
        api = connect(url, token, data_dir, tenant)
        planned = api.command(f"{_path(name)}/rollback", {}, query={"dryRun": "true"}).body
        if dry_run and as_json:
            print_json(planned)
        elif dry_run or not (yes or as_json):
            rollback_shown(planned)
        if dry_run:
            return
        confirm("Rolling back the wave", name, yes=yes, no_input=no_input)
        _told(name, api.command(f"{_path(name)}/rollback", {"reason": reason}), as_json)


def _send(action: str, name: str, reason: str, given: dict[str, Any]) -> None:
    with one_line_errors(given["as_json"]):
        if "danger" in given:
            confirm(given["danger"], name, yes=given["yes"], no_input=given["no_input"])
        api = connect(given["url"], given["token"], given["data_dir"], given["tenant"])
        _told(name, api.command(f"{_path(name)}/{action}", {"reason": reason} if reason else {}), given["as_json"])


def show(
    name: Name, at: At = "", url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show a wave: its conditions, and how many members stand in which way."""
    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get(_path(name), at=at).body
        if as_json:
            print_json(found)
        else:
            shown(found)


def list_waves(
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50, at: At = "", url: Url = "",
    token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List waves by their names."""
    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get("/v1/waves", limit=limit, at=at).body
        if as_json:
            print_json(found)
        else:
            listed(found)


def members(
    name: Name,
    state: Annotated[str, typer.Option("--state", help="Only those that stand so, e.g. blocked or failed.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    cursor: Annotated[str, typer.Option("--cursor", help="Where the page begins: `next` of the page before, as --json gives it.")] = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List how members stand, since when, and why."""
    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get(f"{_path(name)}/members", state=state, limit=limit, cursor=cursor).body
        if as_json:
            print_json(found)
        else:
            members_listed(found)


def _path(name: str) -> str:
    if not name or "/" in name:
        raise CliError(f"{name!r} is no name of a wave", Exit.USAGE, "give letters, digits, dots, hyphens and underscores")
    return f"/v1/waves/{name}"


def _told(name: str, reply: "Reply", as_json: bool, done: str = "") -> None:
    if as_json:
        print_json(reply.body)
        return
    decided = done or reply.body.get("status") or "done"
    out().print(f"{name}: {'accepted, not decided yet' if reply.status == 202 else decided}")
    next_command(f"whimbrel wave show {name}")


_COMMANDS: dict[str, Any] = {
    "plan": plan, "add": add, "start": start, "pause": pause, "resume": resume, "cancel": cancel, "rollback": rollback, "show": show,
    "list": list_waves, "members": members,
}  # fmt: skip
