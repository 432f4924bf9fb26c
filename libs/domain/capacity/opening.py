"""When a capacity is open, and when it still grants: windows less freezes, less the lock-out before each close.

Settings are compiled once and searched by halving, so that a decision costs the same whether there is one window or a
thousand.
"""

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from libs.contracts.avro import decode_value
from libs.contracts.capacity import PAUSE, CapacitySettings, Freeze

NEVER = 1 << 62
"""Later than any time there is: what does not come, or does not end."""
Span = tuple[int, int]
_UNSET = CapacitySettings()


class Opening:
    """The compiled settings of one capacity. Times are microseconds since the epoch.

    `override` is until when windows, freezes and lock-outs do not count; 0 when they do.
    """

    def __init__(self, settings: CapacitySettings) -> None:
        self.settings = settings
        self.pauses = settings.on_close == PAUSE
        windows = merged((w.begins, w.ends) for w in settings.windows) or [(-NEVER, NEVER)]
        self._open = _without(windows, merged((f.begins, f.ends) for f in settings.freezes))
        lockout = settings.lockout_ms * 1_000
        self._grants = [(begins, last) for begins, ends in self._open if (last := ends - lockout if ends < NEVER else NEVER) > begins]

    @property
    def ever_grants(self) -> bool:
        """Whether there is any moment at which it grants."""
        return bool(self._grants)

    def closes(self, now: int, override: int) -> int:
        """When it closes; `now` when it is closed, NEVER when it stays open."""
        until = max(now, override)
        return _end(self._open, until)

    def grants_from(self, moment: int, override: int) -> int:
        """First moment not before `moment` at which windows, freezes and lock-outs let a slot be granted; or NEVER."""
        if moment < override:
            return moment
        at = bisect_right(self._grants, moment, key=lambda span: span[1])
        return max(moment, self._grants[at][0]) if at < len(self._grants) else NEVER

    def freeze_at(self, now: int) -> Freeze | None:
        """A freeze that is on, overridden or not; None when none is."""
        return next((freeze for freeze in self.settings.freezes if freeze.begins <= now < freeze.ends), None)

    def closed_by(self, now: int) -> str:
        """Why it is closed, in words: the name of the freeze, or that no window is open. Only for a moment at which it is."""
        freeze = self.freeze_at(now)
        if freeze is None:
            return "no window is open"
        return f"the freeze {freeze.label!r} is on" if freeze.label else "a freeze is on"


@lru_cache(maxsize=1_024)
def opening_of(settings: bytes) -> Opening:
    """The opening of settings as a state holds them; always open when there are none."""
    return Opening(decode_value(CapacitySettings, settings) if settings else _UNSET)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as disjoint spans in order; those that touch become one."""
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        else:
            found.append((begins, ends))
    return found


def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    """Spans less holes; both disjoint and in order."""
    found: list[Span] = []
    waiting = iter(holes)
    hole = next(waiting, None)
    for begins, ends in spans:
        while hole is not None and hole[0] < ends:
            if hole[1] > begins:
                if hole[0] > begins:
                    found.append((begins, hole[0]))
                begins = hole[1]
            if begins >= ends:
                break
            hole = next(waiting, None)
        if begins < ends:
            found.append((begins, ends))
    return found


def _end(spans: list[Span], moment: int) -> int:
    """End of the span that holds a moment; the moment itself when none does."""
    at = bisect_right(spans, moment, key=lambda span: span[0]) - 1
    return spans[at][1] if at >= 0 and spans[at][1] > moment else moment
