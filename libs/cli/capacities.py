"""`whimbrel capacity`: limits, rates, windows and freezes that migrations wait for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libs.cli.capacity_view import listed, shown
from libs.cli.connection import DEFAULT_DIR, DataDir, Tenant, Token, Url, connect
from libs.cli.endpoints import bytes_of, capacities
from libs.cli.errors import CliError, Exit
from libs.cli.operating import Reason
from libs.cli.output import AsJson, next_command, one_line_errors, out, print_json
from libs.cli.reading import At

if TYPE_CHECKING:
    from libs.cli.client import Reply

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the capacity: a kind, a slash and a name, e.g. calendar/prod.")]
_SETTINGS = (
    "limit", "perMinute", "windows", "freezes", "lockoutMs", "onClose", "windowsFrom", "freezesFrom", "description",
)  # fmt: skip


def register(app: typer.Typer, panel: str) -> None:
    """Add `capacity` to the `whimbrel` command."""
    group = typer.Typer(help="Limits, rates, windows and freezes that migrations wait for.", no_args_is_help=True)
    group.command("set")(set_capacity)
    group.command("show")(show)
    group.command("list")(list_capacities)
    group.command("override")(override)
    group.command("import")(import_freezes)
    app.add_typer(group, name="capacity", rich_help_panel=panel)


def set_capacity(
    id_: Id,
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="How many may hold a slot at once; 0 for any number.")] = None,
    per_minute: Annotated[int | None, typer.Option("--per-minute", min=0, help="How many may start within a minute; 0 for any.")] = None,
    rule: Annotated[str, typer.Option("--rule", help="RRULE of the windows, e.g. 'FREQ=WEEKLY;BYDAY=SA'; replaces the windows.")] = "",
    begins: Annotated[str, typer.Option("--begins", help="With --rule: first begin by the clock, e.g. 2026-01-03T22:00:00.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="With --rule: IANA time zone of that clock.")] = "UTC",
    duration: Annotated[str, typer.Option("--duration", help="With --rule: how long each window lasts, e.g. PT6H.")] = "",
    lockout_min: Annotated[
        int | None, typer.Option("--lockout", min=0, max=44_640, help="Minutes before it closes in which nothing is begun any more.")
    ] = None,
    on_close: Annotated[str, typer.Option("--on-close", metavar="finish|pause", help="What becomes of those who run when it closes.")] = "",
    no_windows: Annotated[bool, typer.Option("--no-windows", help="Take the windows away.")] = False,
    no_freezes: Annotated[bool, typer.Option("--no-freezes", help="Take the freezes away.")] = False,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    file: Annotated[str, typer.Option("--file", help="All settings as JSON, as the API takes them; - for standard input.")] = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Set what a capacity allows. Only what is named changes, except with --file, which replaces everything."""
    with one_line_errors(as_json):
        named = {
            "limit": limit,
            "perMinute": per_minute,
            "lockoutMs": None if lockout_min is None else lockout_min * 60_000,
            "onClose": on_close or None,
            "description": description,
            **_calendar(rule, begins, zone, duration, no_windows=no_windows, no_freezes=no_freezes),
        }
        changes = {name: value for name, value in named.items() if value is not None}
        if bool(file) == bool(changes):
            raise CliError("nothing to set" if not file else "--file stands alone", Exit.USAGE, "give --file, or one of the other options")
        api = connect(url, token, data_dir, tenant)
        if file:
            reply = api.command(_path(id_), bytes_of(file), method="PUT")
        else:
            before, etag = api.settings(_path(id_), _SETTINGS)
            reply = api.command(_path(id_), before | changes, method="PUT", if_match=etag)
        _told(id_, reply, as_json)


def _calendar(rule: str, begins: str, zone: str, duration: str, *, no_windows: bool, no_freezes: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"freezes": [], "freezesFrom": ""} if no_freezes else {}
    if no_windows:
        found |= {"windows": [], "windowsFrom": ""}
    if rule or begins or duration:
        if not (rule and begins and duration) or no_windows:
            raise CliError("a window needs --rule, --begins and --duration, and no --no-windows", Exit.USAGE, "give all three")
        found |= {"windows": [{"rule": rule, "begins": begins, "zone": zone, "duration": duration}], "windowsFrom": ""}
    return found


def override(
    id_: Id,
    reason: Reason,
    until: Annotated[str, typer.Option("--until", help="Until when (RFC 3339), e.g. 2026-01-31T12:00:00Z.")] = "",
    end: Annotated[bool, typer.Option("--end", help="Take back an override that still holds.")] = False,
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Open a capacity by hand, whatever its windows and freezes say; limit and rate still hold."""
    with one_line_errors(as_json):
        if bool(until) == end:
            raise CliError("until when is not said", Exit.USAGE, "give --until, or --end to take an override back")
        api = connect(url, token, data_dir, tenant)
        _told(id_, api.command(f"{_path(id_)}/override", {"until": until or None, "reason": reason}), as_json)


def import_freezes(
    id_: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Calendar file (.ics).")],
    zone: Annotated[str, typer.Option("--zone", help="IANA time zone of whole days, and of times without a zone.")] = "UTC",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Replace the freezes of a capacity by the events of a calendar file."""
    with one_line_errors(as_json):
        api = connect(url, token, data_dir, tenant)
        reply = api.command(f"{_path(id_)}/freezes", bytes_of(str(file)), method="PUT", media="text/calendar", query={"zone": zone})
        _told(id_, reply, as_json)


def show(
    id_: Id, at: At = "", url: Url = "", token: Token = "", tenant: Tenant = "default", data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show what a capacity allows, who holds and who waits, why nobody is granted a slot now, and when it opens."""
    with one_line_errors(as_json):
        api = connect(url, token, data_dir, tenant)
        found = api.get(_path(id_), at=at).body
        holders, queue = (api.get(f"{_path(id_)}/{part}", at=at).body["items"] for part in ("holders", "queue"))
        if as_json:
            print_json(found | {"holders": holders, "queue": queue})
        else:
            shown(found, holders, queue)


def list_capacities(
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 50,
    at: At = "",
    url: Url = "",
    token: Token = "",
    tenant: Tenant = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List capacities by their ids."""
    with one_line_errors(as_json):
        found = connect(url, token, data_dir, tenant).get("/v1/capacities", limit=limit, at=at).body
        if as_json:
            print_json(found)
        else:
            listed(found)


def _path(id_: str) -> str:
    capacities([id_])
    return f"/v1/capacities/{id_}"


def _told(id_: str, reply: "Reply", as_json: bool) -> None:
    if as_json:
        print_json(reply.body)
        return
    granted = (reply.body.get("events") or []).count("SlotGranted")
    done = (
        "accepted, not decided yet"
        if reply.status == 202
        else "done" + (f", {granted} slot{'s'[: granted > 1]} granted" if granted else "")
    )
    out().print(f"{id_}: {done}")
    next_command(f"whimbrel capacity show {id_}")
