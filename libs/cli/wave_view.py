"""How waves are shown to people."""

from typing import Any

from libs.cli.output import next_command, out
from libs.cli.text import rows, table
from libs.cli.text import show as show_table

_SHOWN = 20
_OVER = ("rolling_back", "rolled_back", "cancelled", "completed")


def shown(found: dict[str, Any]) -> None:
    """One wave: its conditions, and how many members stand in which way."""
    lines = [
        ("status", found["status"] + (f": {found['reason']}" if found["reason"] else "")),
        ("waits for", "" if found["status"] in _OVER else ", ".join(found["waitsFor"])),
        ("members", f"{found['members']}: {_states(found)}" if found["members"] else "none"),
        ("blocked", str(found["blocked"]) if found["blocked"] else ""),
        ("failures", f"{found['failures']}; {found['maxFailures']} may"),
        ("at once", str(found["maxRunning"]) if found["maxRunning"] else "any number"),
        ("limits", ", ".join(found["limits"])),
        ("after", ", ".join(found["after"])),
        ("for", found["description"]),
        ("position", found["position"]),
    ]
    made = table("", "")
    made.show_header = False
    show_table(out(), rows(made, [line for line in lines if line[1]]))
    if found["blocked"]:
        next_command(f"whimbrel wave members {found['id']} --state blocked")


def listed(found: dict[str, Any]) -> None:
    """A page of waves."""
    lines = [(one["id"], one["status"], one["members"], _states(one), one["blocked"], one["description"]) for one in found["items"]]
    if not lines:
        out().print("none")
        return
    show_table(out(), rows(table("wave", "status", "members", "of them", "blocked", "for"), lines))
    next_command(f"whimbrel wave show {lines[0][0]}" + (", or --limit for more" if found.get("next") else ""))


def members_listed(found: dict[str, Any]) -> None:
    """A page of members."""
    lines = [(one["migration"], one["state"], _when(one["since"]), one["reason"]) for one in found["items"]]
    if not lines:
        out().print("none")
        return
    show_table(out(), rows(table("migration", "state", "since (UTC)", "why"), lines))
    if found.get("next"):
        next_command("--limit for more, or --json and --cursor for the next page")


def rollback_shown(planned: dict[str, Any]) -> None:
    """What a rollback would do."""
    told, stays = planned["rollsBack"], planned["stays"]
    if not planned["possible"]:
        out().print(f"{planned['id']}: it cannot be rolled back while it is as it is")
    lines = [*((one, "rolled back") for one in told), *((one["migration"], one["reason"]) for one in stays)]
    out().print(f"{len(told)} of {len(lines)} members would be rolled back")
    show_table(out(), rows(table("migration", "what becomes of it"), lines[:_SHOWN]))
    if len(lines) > _SHOWN:
        out().print(f"and {len(lines) - _SHOWN} more; --dry-run --json names all")


def _states(found: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found["states"].items())


def _when(at: str) -> str:
    return at[:19].replace("T", " ")
