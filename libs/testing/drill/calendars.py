"""Windows, freezes and lock-outs in seconds instead of nights and weekends. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from libs.testing.chaos.chance import Random

PERIODS = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[int, int]


class Calendar(NamedTuple):
    """One capacity's calendar; spans in seconds since the drill began, ends not included."""

    id: str
    windows: tuple[Span, ...]
    freezes: tuple[Span, ...]
    lockout_ms: int
    on_close: str

    def settings(self, begun_us: int) -> dict[str, Any]:
        """As the API takes it, for a drill that began then (microseconds since the epoch)."""

        def interval(span: Span) -> dict[str, Any]:
            begins, ends = (EPOCH + timedelta(microseconds=begun_us + second * 1_000_000) for second in span)
            return {"begins": begins.isoformat(), "ends": ends.isoformat()}

        return {
            "windows": [interval(span) for span in self.windows],
            "freezes": [interval(span) | {"label": "year-end close"} for span in self.freezes],
            "lockoutMs": self.lockout_ms,
            "onClose": self.on_close,
        }


def calendars(random: Random) -> tuple[Calendar, ...]:
    """A calendar that pauses what runs when it closes, one that lets it finish, and one that is closed by freezes alone."""
    return (
        Calendar("calendar/nights", _periodic(random, 30, 6), ((random.randrange(40, 50), 55),), 2_000, "pause"),
        Calendar("calendar/weekends", _periodic(random, 24, 8), (), 3_000, "finish"),
        Calendar("calendar/always", (), _periodic(random, 5, 35)[1:], 1_000, "finish"),
    )


def _periodic(random: Random, open_s: int, closed_s: int) -> tuple[Span, ...]:
    """Spans of a length with gaps of a length between them; the first begins at once and has a random length."""
    first = random.randrange(open_s // 2 + 1, open_s + 1)
    spans = [(0, first)]
    for _ in range(PERIODS):
        begins = spans[-1][1] + closed_s
        spans.append((begins, begins + open_s))
    return tuple(spans)
