"""Why nobody is granted a slot at a moment, and when that ends as far as time alone decides. For people; nothing is decided by it."""

from typing import NamedTuple

from libs.contracts.capacity import CapacityState as State
from libs.domain.capacity.granting import MOST_HELD, free, rate_allows
from libs.domain.capacity.opening import NEVER, opening_of

FREEZE, WINDOW, LOCKOUT, LIMIT, RATE = "freeze", "window", "lockout", "limit", "rate"
NO_MORE = ", and no window follows; set some that lie ahead"


class Holdup(NamedTuple):
    """What holds slots back: `code` is one of the names above, empty when a slot would be granted at once."""

    code: str = ""
    reason: str = ""
    """The same in a sentence; empty when nothing holds them back."""
    opens_at: int = 0
    """When time opens it next, in microseconds since the epoch; 0 when it is open, or when that is not up to time."""
    closes_at: int = 0
    """When a window closes or a freeze begins, in microseconds since the epoch; 0 when it is closed, or stays open."""


def holdup(state: State, now: int) -> Holdup:
    """What holds back the next slot of a capacity; the first that applies of freeze, window, lock-out, limit, rate."""
    opening = opening_of(state.settings)
    settings = opening.settings
    closes = opening.closes(now, state.override_until)
    closes_at = closes if now < closes < NEVER else 0
    if free(state, now):
        return Holdup(closes_at=closes_at)
    opens = opening.grants_from(max(now, rate_allows(state)), state.override_until)
    opens_at, more = (opens, "") if opens < NEVER else (0, NO_MORE)
    if closes == now:
        return Holdup(FREEZE if opening.freeze_at(now) else WINDOW, opening.closed_by(now) + more, opens_at)
    if opening.grants_from(now, state.override_until) > now:
        return Holdup(LOCKOUT, f"it closes so soon that nothing is begun any more{more}", opens_at, closes_at)
    if state.held >= (settings.limit or MOST_HELD):
        return Holdup(LIMIT, f"all {state.held:,} slots are held", 0, closes_at)
    return Holdup(RATE, f"{settings.per_minute:,} slots were granted within the last minute", opens_at, closes_at)
