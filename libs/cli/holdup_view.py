"""How what holds a migration up is shown to people."""

from typing import Any

from libs.cli.output import next_command, out
from libs.cli.text import rows, table
from libs.cli.text import show as show_table

_HINTS = {
    "dead_letter": "whimbrel dlq show {}",
    "capacity": "whimbrel capacity show {}",
    "migration": "whimbrel why {}",
    "wave": "whimbrel why --wave {}",
}
"""By kind of what to ask. The first kind that any cause names is suggested."""


def shown(found: dict[str, Any]) -> None:
    """Every cause of a migration, the first to look at first; where it waits for its wave, what that says."""
    causes = [*found["causes"], *found["wave"]]
    _show(causes)
    next_command(_hint(causes) or f"whimbrel events {found['id']}")


def wave_shown(found: dict[str, Any]) -> None:
    """What holds a wave up itself, how many members by what, and a page of these."""
    if found["causes"]:
        _show(found["causes"])
    counts = ", ".join(f"{count:,} {code}" for code, count in sorted(found["counts"].items(), key=lambda one: -one[1])) or "none"
    out().print(f"{found['id']} is {found['status']}; members that have not ended: {counts}; ended: {found['ended']:,}")
    if found["items"]:
        lines = [(one["migration"], one["code"], one["reason"], _when(one["since"]), _when(one["until"])) for one in found["items"]]
        show_table(out(), rows(table("member", "cause", "what holds it up", "since (UTC)", "until (UTC)"), lines))
    first = found["items"][0]["migration"] if found["items"] else ""
    next_command(_hint(found["causes"]) or (f"whimbrel why {first}" if first else f"whimbrel wave show {found['id']}"))


def _show(causes: list[dict[str, Any]]) -> None:
    lines = [(cause["reason"], _when(cause["since"]), _when(cause["until"]), _asked(cause["ask"])) for cause in causes]
    show_table(out(), rows(table("what holds it up", "since (UTC)", "until (UTC)", "ask"), lines))


def _hint(causes: list[dict[str, Any]]) -> str:
    asked = {ask["kind"]: ask["id"] for cause in reversed(causes) for ask in reversed(cause["ask"])}
    return next((command.format(asked[kind]) for kind, command in _HINTS.items() if kind in asked), "")


def _when(at: str | None) -> str:
    return (at or "")[:19].replace("T", " ")


def _asked(asks: list[dict[str, str]]) -> str:
    return ", ".join(f"{ask['kind']} {ask['id']}".strip() for ask in asks)
