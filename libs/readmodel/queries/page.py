"""One page of a list."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from libs.readmodel.cursor import Cursors


class Page(NamedTuple):
    """Rows in order, and the cursor to what follows them; empty when nothing does."""

    rows: list[Any]
    cursor: str


def page_of(cursors: Cursors, query: Any, rows: Sequence[Any], limit: int, key: Callable[[Any], list[Any]]) -> Page:
    """The first `limit` of rows that were asked for one more than that."""
    shown = list(rows[:limit])
    return Page(shown, cursors.encode(query, key(shown[-1])) if len(rows) > limit else "")
