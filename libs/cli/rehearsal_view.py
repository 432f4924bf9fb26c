"""How the answer of a rehearsal is shown to people."""

from collections.abc import Sequence
from typing import Any

from libs.cli.output import out, say
from libs.cli.text import duration, number, rows, table
from libs.cli.text import show as show_table

_SHOWN = 20
_ASSUMED = ("assumption", "estimate", "what-if")


def shown(answer: dict[str, Any]) -> None:
    """Finish, due dates, peaks, who is told, and what all that rests on."""
    out().print(f"{number(answer['members'])} members, {number(answer['runs'])} runs from {answer['forked_at']}, seed {answer['seed']}")
    if answer["started"]:
        out().print(f"started at the fork: {', '.join(answer['started'])}", markup=False)
    _section(("wave", "p10", "p50", "p90"), [(one["wave"], *_finish(one)) for one in answer["waves"]])
    _spreads("members that end", answer["ends"])
    _section(("due date breached", "due", "probability"), [(o["migration"], o["due_at"], _percent(o)) for o in answer["due_breached"]])
    _section(("did not end", "it is", "probability"), [(o["migration"], o["status"], _percent(o)) for o in answer["not_ended"]])
    _spreads("at once", {"members on their way": answer["peak"]["running"], **answer["peak"]["capacities"]})
    told = answer["told"]
    listed = [(one.get("subscription") or one["url"], one["deliveries"]) for one in (*told["subscriptions"], *told["callbacks"])]
    _spreads("messages to", {**dict(listed), **({"all": told["deliveries"]} if listed else {})})
    for refused in answer["refused"]:
        say(f"refused in {refused['runs']} runs: {refused['command']} for {refused['id']}: {refused['message']}")
    if answer["truncated"]:
        say(f"{answer['truncated_runs']} runs were cut off: they did not end within two years, or within very many events")
    _rests_on(answer["samples"])
    out().print(f"hash      {answer['hash']}")
    out().print(f"position  {answer['position']}")


def _finish(one: dict[str, Any]) -> list[str]:
    """When it is over, and how long that takes."""
    pairs = [(one["finish"][level], one["finish_s"][level]) for level in ("p10", "p50", "p90")]
    return [f"{at[:19]}Z, {duration(seconds * 1_000)}" if at else "does not end" for at, seconds in pairs]


def _percent(one: dict[str, Any]) -> str:
    return f"{one['probability']:.0%}"


def _spreads(title: str, found: dict[str, Any]) -> None:
    _section(
        (title, "p50", "p90", "max"), [(name, *(number(one[level]) for level in ("p50", "p90", "max"))) for name, one in found.items()]
    )


def _section(columns: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    if lines:
        out().print()
        show_table(out(), rows(table(*columns), lines[:_SHOWN]))
        if len(lines) > _SHOWN:
            out().print(f"and {number(len(lines) - _SHOWN)} more: see them with --json")


def _rests_on(samples: Sequence[dict[str, Any]]) -> None:
    """How much of it is history, and what nobody knows."""
    known = [one for one in samples if one["of"] not in _ASSUMED]
    out().print()
    least = min((one["samples"] for one in known), default=0)
    out().print(f"{number(len(known))} of {number(len(samples))} durations rest on history, each on {number(least)} samples or more")
    _section(("not known from history", "taken from"), [(_named(one), one["of"]) for one in samples if one["of"] in _ASSUMED])


def _named(one: dict[str, Any]) -> str:
    return " ".join(filter(None, (one["provider"], one["step"], one["direction"])))
