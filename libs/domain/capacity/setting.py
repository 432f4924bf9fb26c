"""What is wrong with the settings of a capacity, in words that name the field and the fix."""

from collections.abc import Iterator, Sequence

from libs.contracts.capacity import FINISH, PAUSE, CapacitySettings, Freeze, Interval
from libs.contracts.values import END_OF_TIME
from libs.domain.capacity.granting import MOST_HELD
from libs.domain.capacity.opening import Opening

MOST_INTERVALS = 1_000
MOST_PER_MINUTE = 6_000
LONGEST_LABEL, LONGEST_TEXT = 200, 4_000
LONGEST_LOCKOUT_MS = 31 * 86_400_000


def flaw_of(settings: CapacitySettings) -> str:
    """The first thing that is wrong with settings; empty when nothing is."""
    return next(_flaws(settings), "")


def _flaws(settings: CapacitySettings) -> Iterator[str]:
    if not 0 <= settings.limit <= MOST_HELD:
        yield f"limit is {settings.limit}; give 1 to {MOST_HELD:,}, or 0 for any number"
    if not 0 <= settings.per_minute <= MOST_PER_MINUTE:
        yield f"per_minute is {settings.per_minute}; give 1 to {MOST_PER_MINUTE:,}, or 0 for any number"
    if not 0 <= settings.lockout_ms <= LONGEST_LOCKOUT_MS:
        yield f"lockout_ms is {settings.lockout_ms}; give 0 to {LONGEST_LOCKOUT_MS} (31 days)"
    if settings.on_close not in (PAUSE, FINISH):
        yield f"on_close is {settings.on_close!r}; give {FINISH} or {PAUSE}"
    yield from _intervals("windows", settings.windows)
    yield from _intervals("freezes", settings.freezes)
    for freeze in settings.freezes:
        if len(freeze.label) > LONGEST_LABEL:
            yield f"a label in freezes has {len(freeze.label)} characters; give at most {LONGEST_LABEL}"
    for field in ("windows_from", "freezes_from", "description"):
        if len(getattr(settings, field)) > LONGEST_TEXT:
            yield f"{field} has {len(getattr(settings, field))} characters; give at most {LONGEST_TEXT:,}"
    if settings.windows and not Opening(settings).ever_grants:
        yield "windows, freezes and lockout_ms together leave no moment at which a slot is granted; widen a window or shorten the lock-out"


def _intervals(field: str, given: Sequence[Interval | Freeze]) -> Iterator[str]:
    if len(given) > MOST_INTERVALS:
        yield f"{field} holds {len(given):,} intervals; give at most {MOST_INTERVALS:,}"
    for number, interval in enumerate(given):
        if not 0 <= interval.begins < interval.ends < END_OF_TIME:
            yield f"{field}[{number}] begins at {interval.begins} and ends at {interval.ends}; give an end after its begin"
