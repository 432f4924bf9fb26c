"""How quantities are written for people."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table


def duration(ms: float) -> str:
    """Milliseconds as people say them."""
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1_000:.1f} s"
    minutes, seconds = divmod(round(ms / 1_000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def number(value: float) -> str:
    """A count with thousands set apart."""
    return f"{value:,.0f}"


def table(*columns: str) -> Table:
    """An empty table in the one style that all commands use."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def rows(made: Table, lines: Sequence[Sequence[object]]) -> Table:
    """The table with lines of plain text added."""
    for line in lines:
        made.add_row(*[escape("" if cell is None else str(cell)) for cell in line])
    return made


def show(console: Console, what: RenderableType) -> None:
    """Print it; where no terminal is, without the blanks that fill its lines."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as captured:
        console.print(what)
    console.print("\n".join(line.rstrip() for line in captured.get().splitlines()), markup=False)
