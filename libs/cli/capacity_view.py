"""How a capacity is shown to people."""

from typing import Any

from libs.cli.output import next_command, out
from libs.cli.text import duration, rows, table
from libs.cli.text import show as show_table

_SHOWN = 10


def shown(found: dict[str, Any], holders: list[dict[str, Any]], queue: list[dict[str, Any]]) -> None:
    """One capacity: what it allows, what holds slots back, who holds and who waits."""
    lines = [
        ("grants now", "no: " + found["reason"] if found["heldUpBy"] else "yes"),
        ("opens", _when(found["opensAt"])),
        ("closes", _when(found["closesAt"])),
        ("at once", _limit(found["limit"])),
        ("a minute", _limit(found["perMinute"])),
        ("windows", _calendar(found, "windows")),
        ("freezes", _calendar(found, "freezes")),
        ("lock-out", duration(found["lockoutMs"]) if found["lockoutMs"] else ""),
        ("when it closes", "those who hold a slot " + ("lose it" if found["onClose"] == "pause" else "go on")),
        ("overridden", f"until {_when(found['overrideUntil'])}: {found['overrideReason']}" if found["overrideUntil"] else ""),
        ("for", found["description"]),
        ("holding", _people(found["held"], holders)),
        ("waiting", _people(found["queued"], queue)),
        ("set", f"{_when(found['setAt'])} by {found['setBy']}, version {found['version']}" if found["setAt"] else "never"),
        ("position", found["position"]),
    ]
    made = table("", "")
    made.show_header = False
    show_table(out(), rows(made, [line for line in lines if line[1]]))


def listed(found: dict[str, Any]) -> None:
    """A page of capacities."""
    lines = [
        (one["id"], _limit(one["limit"]), _limit(one["perMinute"]), one["held"], one["queued"], one["description"])
        for one in found["items"]
    ]
    if not lines:
        out().print("none")
        return
    show_table(out(), rows(table("id", "at once", "a minute", "holding", "waiting", "for"), lines))
    next_command(f"whimbrel capacity show {lines[0][0]}" + (", or --limit for more" if found.get("next") else ""))


def _when(at: str | None) -> str:
    return (at or "")[:19].replace("T", " ") + (" UTC" if at else "")


def _limit(most: int) -> str:
    return str(most) if most else "any number"


def _calendar(found: dict[str, Any], name: str) -> str:
    spans, origin = found[name], found[f"{name}From"]
    if not spans:
        return ""
    return f"{len(spans)}, the last ends {_when(max(span['ends'] for span in spans))}" + (f" ({origin})" if origin else "")


def _people(count: int, found: list[dict[str, Any]]) -> str:
    if not count:
        return "nobody"
    names = ", ".join(f"{one['holder']} since {_when(one['since'])}" for one in found[:_SHOWN])
    return f"{count}: {names}" + (" ..." if count > _SHOWN else "")
