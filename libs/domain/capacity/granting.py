"""What limit, rate and time let happen now, and when they let something happen next. Nothing here changes a state."""

from bisect import bisect_right
from typing import Any

from msgspec.structs import replace

from libs.contracts import capacity as c
from libs.contracts.capacity import CapacityState as State
from libs.domain.capacity.evolving import TIME_BYTES, evolve, noted, read
from libs.domain.capacity.opening import NEVER, opening_of

Events = list[Any]
MINUTE_US = 60_000_000
MOST_MOVES = 100
"""How many slots one command grants or takes away; a wake at once goes on with the rest (D6)."""
MOST_HELD = 5_000
"""How many may hold or wait in one capacity."""


def free(state: State, now: int) -> int:
    """How many slots could be granted at this moment."""
    opening = opening_of(state.settings)
    if opening.grants_from(now, state.override_until) > now:
        return 0
    settings = opening.settings
    room = settings.limit - state.held if settings.limit else MOST_HELD
    rate = settings.per_minute - _granted_since(state.recent, now - MINUTE_US) if settings.per_minute else MOST_HELD
    return max(0, min(room, rate))


def _granted_since(recent: bytes, moment: int) -> int:
    """How many of the last grants came after a moment."""
    count = len(recent) // TIME_BYTES
    return count - bisect_right(range(count), moment, key=lambda index: _time(recent, index))


def _time(recent: bytes, index: int) -> int:
    return int.from_bytes(recent[TIME_BYTES * index : TIME_BYTES * (index + 1)])


def settled(state: State, events: Events, now: int) -> Events:
    """These events and what follows from them at once: slots taken away or granted. Each says when time changes something again."""
    for event in events:
        state = evolve(state, event)
    moves = _revocations(state, now) or _grants(state, now)
    wake_at = next_change(_standing(state, moves, now), now)
    return [replace(event, wake_at=wake_at) for event in (*events, *moves)]


def _standing(state: State, moves: Events, now: int) -> State:
    """The numbers of the state after moves; whose slots they are does not matter for what comes next."""
    count = len(moves)
    if not count:
        return state
    if type(moves[0]) is c.SlotRevoked:
        return replace(state, held=state.held - count)
    return replace(state, held=state.held + count, queued=state.queued - count, recent=noted(state, now, count))


def _revocations(state: State, now: int) -> Events:
    opening = opening_of(state.settings)
    if not state.held or not opening.pauses or opening.closes(now, state.override_until) > now:
        return []
    reason, count = opening.closed_by(now), min(state.held, MOST_MOVES)
    holders = state.holders.split(b"\n", count + 1)[1 : count + 1]
    return [c.SlotRevoked(holder=read(word), reason=reason, wake_at=0) for word in holders]


def _grants(state: State, now: int) -> Events:
    count = min(free(state, now), state.queued, MOST_MOVES)
    entries = [entry.split(b"\t") for entry in state.queue.split(b"\n", count + 1)[1 : count + 1]] if count else []
    return [c.SlotGranted(holder=read(word), at=now, waited_us=max(0, now - int(since)), wake_at=0) for word, since in entries]


def next_change(state: State, now: int) -> int:
    """When time alone next grants a slot or takes one away, later than now; 0 when it never does."""
    opening = opening_of(state.settings)
    settings, found = opening.settings, NEVER
    if state.held and opening.pauses:
        found = max(opening.closes(now, state.override_until), now + 1)
    if state.queued and not 0 < settings.limit <= state.held:
        found = min(found, opening.grants_from(max(now + 1, rate_allows(state)), state.override_until))
    return found if found < NEVER else 0


def rate_allows(state: State) -> int:
    """First moment at which the rate lets one more slot be granted."""
    rate, count = opening_of(state.settings).settings.per_minute, len(state.recent) // TIME_BYTES
    return _time(state.recent, count - rate) + MINUTE_US if 0 < rate <= count else 0
