"""What became of a migration: for people, for programs, and as an exit code."""

from typing import Any

from rich.markup import escape

from libs.cli.errors import Exit
from libs.cli.output import next_command, out, print_json
from libs.cli.story import GOOD_END, Story
from libs.cli.text import duration, number

_ADVICE = {
    "held": "whimbrel retry {id}, or whimbrel rollback {id} --reason ...",
    "rollback_stuck": "whimbrel retry {id}, or whimbrel skip {id} --reason ...",
}


def exit_code(story: Story) -> Exit:
    """0 only when it completed."""
    return Exit.OK if story.end == GOOD_END else Exit.FAILED


def figures(story: Story) -> dict[str, Any]:
    """The summary as JSON."""
    return {
        "id": story.id,
        "status": story.status,
        "version": story.version,
        "seconds": round((story.ended - story.began) / 1e6, 3) if story.ended else None,
        "steps": len(story.steps),
        "reason": story.reason,
        "problems": story.problems,
        "evidence": story.evidence,
    }


def show(story: Story, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(figures(story))
        return
    console = out()
    colour = "green" if story.end == GOOD_END else "yellow" if story.end in ("rolled_back", "cancelled") else "red"
    took = f" in {duration((story.ended - story.began) / 1_000)}" if story.ended else ""
    console.print(f"[{colour}]{story.status}[/] {escape(story.id)}{took}" + (f": {escape(story.reason)}" if story.reason else ""))
    for problem in story.problems:
        fix = f" -> {problem['remedy']}" if problem.get("remedy") else ""
        console.print(f"  [red]{escape(problem['code'])}[/] {escape(problem['message'] + fix)}")
    if highlights := _highlights(story):
        console.print("  " + ", ".join(highlights))
    next_command(_ADVICE.get(story.stuck, "whimbrel events {id}").format(id=story.id))


def _highlights(story: Story) -> list[str]:
    """The figures of a move of a database that people ask for."""
    found = story.evidence
    told = []
    if "verify_equal" in found:
        told.append(
            f"{number(found['verify_equal'].get('rows', 0))} rows in {found['verify_equal'].get('tables', 0)} tables equal on both sides"
        )
    if "pause_ms" in found.get("switch_connection", {}):
        told.append(f"writers paused for {number(found['switch_connection']['pause_ms'])} ms")
    return told
