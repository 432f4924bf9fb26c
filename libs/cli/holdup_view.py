"""How what holds a migration up is shown to people."""

from typing import Any

from libs.cli.output import next_command, out
from libs.cli.text import rows, table
from libs.cli.text import show as show_table

_HINTS = {
    "dead_letter": "whimbrel dlq show {}",
    "capacity": "whimbrel capacity show {}",
    "migration": "whimbrel why {}",
    "wave": "whimbrel wave show {}",
}
"""By kind of what to ask. The first kind that any cause names is suggested."""


def shown(found: dict[str, Any]) -> None:
    """Every cause, the first to look at first."""
    lines = [(cause["reason"], _when(cause["since"]), _when(cause["until"]), _asked(cause["ask"])) for cause in found["causes"]]
    show_table(out(), rows(table("what holds it up", "since (UTC)", "until (UTC)", "ask"), lines))
    asked = {ask["kind"]: ask["id"] for cause in reversed(found["causes"]) for ask in reversed(cause["ask"])}
    hint = next((command.format(asked[kind]) for kind, command in _HINTS.items() if kind in asked), "")
    next_command(hint or f"whimbrel events {found['id']}")


def _when(at: str | None) -> str:
    return (at or "")[:19].replace("T", " ")


def _asked(asks: list[dict[str, str]]) -> str:
    return ", ".join(f"{ask['kind']} {ask['id']}".strip() for ask in asks)
