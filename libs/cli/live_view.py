"""What a person sees while a migration runs: its steps, bars for what is being copied, the lag; or a line an event in a pipe."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from libs.cli.output import say, talk
from libs.cli.story import DONE, FAILED, RUNNING, SKIPPED, UNDOING, UNDONE, WAITING, StepView, Story, facts
from libs.cli.text import duration, number

Gauge = tuple[int, int]
_MARKS = {"": "[dim]·", DONE: "[green]✓", FAILED: "[red]✗", UNDONE: "[yellow]↺", SKIPPED: "[yellow]-", WAITING: "[cyan]…"}
_COLOURS = {
    "completed": "green",
    "rolled_back": "yellow",
    "cancelled": "yellow",
    "rejected": "red",
    "failed": "red",
    "rollback_stuck": "red",
}


class View(Protocol):
    """Shows a story as it goes on. `gauges` are done and total by what is counted."""

    def show(self, story: Story, line: str, gauges: dict[str, Gauge], now: int) -> None:
        """Show what is new; `now` is in microseconds since the epoch, `line` tells of the last event, if there was one."""


class Lines:
    """One line of talk an event, and none for progress."""

    def show(self, story: Story, line: str, gauges: dict[str, Gauge], now: int) -> None:
        """Print the line."""
        if line:
            say(f"{story.id}: {line}")


class Quiet:
    """Nothing at all, for --json."""

    def show(self, story: Story, line: str, gauges: dict[str, Gauge], now: int) -> None:
        """Nothing."""


class Picture:
    """A table that changes in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._spinner = Spinner("dots")

    def show(self, story: Story, line: str, gauges: dict[str, Gauge], now: int) -> None:
        """Draw it anew."""
        self._live.update(Group(headline(story, now), self._steps(story, now), *_bars(gauges), *_advice(story)))

    def _steps(self, story: Story, now: int) -> Table:
        grid = Table.grid(padding=(0, 1))
        for step in story.steps:
            mark: RenderableType = self._spinner if step.state in (RUNNING, UNDOING) else Text.from_markup(_MARKS[step.state])
            grid.add_row(mark, *_cells(step, now))
        return grid


@contextmanager
def view(as_json: bool) -> Iterator[View]:
    """The view that fits where the output goes."""
    console = talk()
    if as_json:
        yield Quiet()
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=8) as live:
            yield Picture(live)
    else:
        yield Lines()


def headline(story: Story, now: int) -> str:
    """Id, status and how long it has taken."""
    took = ((story.ended or now) - story.began) / 1_000 if story.began else 0
    return f"[bold]{escape(story.id)}[/]  [{_COLOURS.get(story.status, 'cyan')}]{story.status}[/]  [dim]{duration(took)}[/]"


def _cells(step: StepView, now: int) -> list[str]:
    style = "bold" if step.state in (RUNNING, UNDOING, WAITING) else "" if step.state else "dim"
    name = f"[{style}]{escape(step.name)}[/]" if style else escape(step.name)
    took = duration(((step.ended or now) - step.began) / 1_000) if step.began else ""
    what = escape(step.compensation if step.state in (UNDOING, UNDONE) else facts(step.evidence) or step.title)
    tries = f" [yellow](attempt {step.attempts})[/]" if step.attempts > 1 and step.state == RUNNING else ""
    turn = " [red]point of no return[/]" if step.point_of_no_return and not step.state else ""
    return [name, f"[dim]{took}[/]", f"[dim]{what}[/]{tries}{turn}"]


def _advice(story: Story) -> Iterator[RenderableType]:
    wanted = {
        "awaiting_approval": "whimbrel show {0} says what it rests on; whimbrel approve {0}, or whimbrel refuse {0} --reason ...",
        "paused": "whimbrel resume {0}",
    }
    if story.status in wanted:
        yield f"[cyan]it waits for you: {escape(wanted[story.status].format(story.id))}[/]"


def _bars(gauges: dict[str, Gauge]) -> Iterator[RenderableType]:
    if not gauges:
        return
    grid = Table.grid(padding=(0, 1))
    for what, (done, total) in gauges.items():
        bar = ProgressBar(total=max(total, 1), completed=min(done, total), width=30) if total else ""
        share = f"{100 * done / total:3.0f} %" if total else ""
        grid.add_row("  ", escape(what), bar, share, f"[dim]{number(done)}{' of ' + number(total) if total else ''}[/]")
    yield grid
