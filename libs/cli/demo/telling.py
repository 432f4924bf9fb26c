"""What the demonstration says: a line for each act, a table of figures, one line of JSON."""

from typing import Any, NamedTuple

from libs.cli.output import out, print_json, talk
from libs.cli.text import number, show, table


class Figures(NamedTuple):
    """The outcome."""

    rows: int
    writes_during_move: int
    lost_writes: int
    checksums_equal: bool
    pause_ms: int
    rolled_back_ok: bool
    seconds: float

    @property
    def good(self) -> bool:
        """Whether everything came out as promised."""
        return self.rows > 0 and self.writes_during_move > 0 and not self.lost_writes and self.checksums_equal and self.rolled_back_ok


def act(title: str) -> None:
    """Begin an act of the story."""
    talk().print(f"\n[bold cyan]{title}[/]")


def remark(line: str) -> None:
    """Something said in passing."""
    talk().print(f"  [dim]{line}[/]")


def finale(figures: Figures, writes_per_second: float) -> None:
    """The table for people, then the line for programs."""
    made = table("", "")
    made.show_header = False
    for name, value, good in _rows(figures, writes_per_second):
        made.add_row(name, f"[{'green' if good else 'bold red'}]{value}[/]")
    console = out()
    console.print()
    show(console, made)
    console.print()
    figures_json: dict[str, Any] = figures._asdict()
    print_json(figures_json)


def _rows(figures: Figures, writes_per_second: float) -> list[tuple[str, str, bool]]:
    return [
        ("rows moved", number(figures.rows), figures.rows > 0),
        (
            "writes made during the move",
            f"{number(figures.writes_during_move)}, {number(writes_per_second)} a second",
            figures.writes_during_move > 0,
        ),
        ("acknowledged writes lost", number(figures.lost_writes), not figures.lost_writes),
        ("checksums of both sides", "equal" if figures.checksums_equal else "NOT EQUAL", figures.checksums_equal),
        ("longest pause of the writing application", f"{number(figures.pause_ms)} ms", True),
        (
            "second move, with a fault, rolled itself back",
            "yes, the source served throughout" if figures.rolled_back_ok else "NO",
            figures.rolled_back_ok,
        ),
        ("all of it took", f"{figures.seconds:.1f} s", True),
    ]
