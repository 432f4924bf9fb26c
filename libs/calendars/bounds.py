"""How far and how many: the bounds of every expansion, and the error that names what is beyond them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

HORIZON_US = 2 * 366 * 86_400 * 1_000_000
"""Two years: how far ahead rules are expanded."""
MOST = 1_000
"""How many intervals one expansion may give."""


class Span(NamedTuple):
    """One stretch of time in microseconds since the epoch, its end not included. `label` is the name of the event, if it has one."""

    begins: int
    ends: int
    label: str = ""


class CalendarError(ValueError):
    """What is wrong with a rule or a calendar file, and how to put it right. `line` is 0 where there are no lines."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


def micros(moment: datetime) -> int:
    """Microseconds since the epoch of an aware moment."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: int) -> datetime:
    """The moment that many microseconds after the epoch, in UTC."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


def bounded(spans: Iterable[Span], now: int, what: str) -> list[Span]:
    """Those that end after now and begin within the horizon, in order and each once. Raises CalendarError beyond MOST."""
    found: set[Span] = set()
    for span in spans:
        if now < span.ends and span.begins < now + HORIZON_US:
            found.add(span)
            if len(found) > MOST:
                raise CalendarError(f"{what} gives more than {MOST:,} intervals within two years; end it earlier with UNTIL or COUNT")
    return sorted(found)
