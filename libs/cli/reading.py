"""Looking at migrations: list, show, why, events, watch."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from libs.cli import holdup_view, summary
from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.errors import CliError, Exit
from libs.cli.following import Follower, ended, history, stream
from libs.cli.live_view import view
from libs.cli.operating import Id
from libs.cli.output import AsJson, next_command, one_line_errors, out, print_json
from libs.cli.requesting import Timeout
from libs.cli.story import Story
from libs.cli.text import rows, table
from libs.cli.text import show as show_table
from libs.runtime.clock import now_us

if TYPE_CHECKING:
    from libs.cli.client import Api

At = Annotated[str, typer.Option("--at", help="As of this time (RFC 3339) or position, instead of now.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add these commands to the `whimbrel` command."""
    app.command("list", rich_help_panel=panel)(list_migrations)
    for command in (show, why, events, watch):
        app.command(rich_help_panel=panel)(command)


def list_migrations(
    status: Annotated[list[str], typer.Option("--status", help="Only in this status; repeatable.")] = [],  # noqa: B006
    archived: Annotated[bool, typer.Option("--archived", help="Those that are archived as well.")] = False,
    application: Annotated[str, typer.Option("--application", "--app", help="Only of this application.")] = "",
    wave: Annotated[str, typer.Option("--wave", help="Only of this wave.")] = "",
    search: Annotated[str, typer.Option("--search", help="Beginning of the id, of a word of the application, or of the wave.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    at: At = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List migrations, the latest first."""
    with one_line_errors(as_json):
        api = connect(url, token, data_dir, tenant)
        given = {"status": status, "application": application, "wave": wave, "search": search, "limit": limit, "at": at}
        found = api.get("/v1/migrations", **given, archived="true" if archived else "").body
        if as_json:
            print_json(found)
            return
        lines = [
            (one["id"], one["application"], one["provider"], one["status"], _done(one), (one["requestedAt"] or "")[:19].replace("T", " "))
            for one in found["items"]
        ]
        if lines:
            show_table(out(), rows(table("id", "application", "provider", "status", "steps", "requested (UTC)"), lines))
            next_command(f"whimbrel show {lines[0][0]}" + (", or --limit for more" if found.get("next") else ""))
        else:
            out().print("none")


def _done(one: dict[str, Any]) -> str:
    return f"{one['stepsDone']}/{one['steps']}" if one["steps"] else "-"


def show(
    id_: Id,
    at: At = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Show where a migration is and why."""
    from libs.cli import gate_view

    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get(f"/v1/migrations/{id_}", at=at).body
        if as_json:
            print_json(found)
            return
        problem, work = found["problem"], found["work"]
        lines = [
            ("status", found["status"] + (", past the point of no return" if found["pastPointOfNoReturn"] else "")),
            ("why", found["reason"]),
            (
                "step",
                f"{found['stepName']} ({found['step'] + 1} of {found['steps']}, {found['stepsDone']} done)" if found["stepName"] else "",
            ),
            ("problem", f"{problem['message']} ({problem['code']})" if problem else ""),
            ("what to do", problem.get("remedy") if problem else ""),
            ("in flight", ", ".join(f"{one['direction']} by {one['worker']}, attempt {one['attempt']}" for one in work)),
            ("needs slots of", ", ".join(found["limits"])),
            *gate_view.lines(found, now_us()),
            *gate_view.way_back(found),
            ("is archived at" if found["ended"] else "goes on at", found["wakeAt"]),
            ("archived", f"{found['archivedAt']}; it had ended as {found['endedAs']}" if found["archivedAt"] else ""),
            ("application", found["application"]),
            ("provider", found["provider"]),
            ("requested", f"{found['requestedAt']} by {found['requestedBy']}"),
            ("last event", f"{found['updatedAt']}, version {found['version']}"),
            ("position", found["position"]),
        ]
        made = table("", "")
        made.show_header = False
        show_table(out(), rows(made, [(f"{name}", value) for name, value in lines if value]))
        next_command(f"whimbrel events {id_}" if found["ended"] else f"whimbrel watch {id_}")


def why(
    id_: Annotated[str, typer.Argument(metavar="[ID]", help="Id of the migration; left out with --wave.")] = "",
    wave: Annotated[
        str, typer.Option("--wave", help="Say it of a whole wave: of itself, and of its members, what matters most first.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="With --wave: how many members at most.")] = 20,
    cursor: Annotated[str, typer.Option("--cursor", help="With --wave: `next` of the page before, as --json gives it.")] = "",
    at: At = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Say what holds a migration or a whole wave up: every cause that stands, since when, until when, and whom to ask."""
    with one_line_errors(as_json):
        if bool(id_) == bool(wave):
            raise CliError("it is not said of what", Exit.USAGE, "give the id of a migration, or --wave NAME")
        if wave and at:
            raise CliError("--at is not possible with --wave", Exit.USAGE, "leave --at out: how members stood in the past is not kept")
        api = connect(url, token, data_dir, tenant)
        if wave:
            found = api.get(f"/v1/waves/{wave}/holdup", limit=limit, cursor=cursor).body
        else:
            found = api.get(f"/v1/migrations/{id_}/holdup", at=at).body
        if as_json:
            print_json(found)
        elif wave:
            holdup_view.wave_shown(found)
        else:
            holdup_view.shown(found)


def events(
    id_: Id,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new events until the migration ends.")] = False,
    at: At = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Print the history of a migration: each event, when, who asked, and what it led to. With --json one event a line."""
    with one_line_errors(as_json):
        api, story = connect(url, token, data_dir, tenant), Story(id_)
        found, position = history(api, id_, at=at)
        for event in found:
            _print(event, story, as_json)
        if follow and not story.end:
            _go_on(api, story, position, as_json)


def _go_on(api: "Api", story: Story, position: str, as_json: bool) -> None:
    for event in stream(api, story.id, position):
        if event["version"] > story.version:
            _print(event, story, as_json)
        if story.end:
            return


def _print(event: dict[str, Any], story: Story, as_json: bool) -> None:
    line = story.take(event)
    if as_json:
        print_json(event)
        return
    when, version = event["recordedAt"][11:23], event["version"]
    out().print(f"[dim]{when}[/] {version:>4}  [bold]{event['type']}[/]  {escape(line)}  [dim]{escape(event['actor'])}[/]")


def watch(
    id_: Id, timeout: Timeout = 0, url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Watch a migration until it ends or needs you. Exit code 0 when it completed, 1 when it did not, 6 after --timeout."""
    with one_line_errors(as_json):
        api = connect(url, token, data_dir, tenant)
        with view(as_json) as shown:
            story = Follower(api, id_, shown).run(timeout_s=timeout, until=ended)
        summary.show(story, as_json)
    raise typer.Exit(summary.exit_code(story))
