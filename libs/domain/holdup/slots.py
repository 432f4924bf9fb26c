"""What a capacity says to a migration that waits for one of its slots: its own reason, and the place in the queue."""

from collections.abc import Iterable
from typing import NamedTuple

from libs.contracts import capacity as c
from libs.domain.capacity.evolving import evolve
from libs.domain.capacity.explaining import LIMIT, RATE, holdup
from libs.domain.capacity.granting import MINUTE_US
from libs.domain.holdup.cause import CAPACITY, MIGRATION, Ask, Cause, Event, cause, listed
from libs.domain.slot_policies import holder_of, migration_of

_SHOWN = 5


class _Capacity:
    """A capacity as its events tell, and which event says what."""

    def __init__(self, events: Iterable[Event], now: int) -> None:
        self.state, self._now = c.CapacityState(), now
        self._sets: list[Event] = []
        self._override: Event | None = None
        self.queued: dict[str, Event] = {}
        self.granted: dict[str, Event] = {}
        self._recent: dict[str, list[Event]] = {}
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        self.state = evolve(self.state, event.body)
        kind, holder = type(event.body), getattr(event.body, "holder", "")
        if kind is c.CapacitySet:
            self._sets.append(event)
        elif kind is c.FreezeOverridden:
            self._override = event
        elif kind is c.SlotQueued:
            self.queued[holder] = event
        elif kind is c.SlotGranted:
            self.queued.pop(holder, None)
            self.granted[holder] = event
            if event.body.at > self._now - MINUTE_US:
                self._recent[holder] = [event]
        elif kind in (c.SlotFreed, c.SlotRevoked):
            self.queued.pop(holder, None)
            self.granted.pop(holder, None)
            if holder in self._recent:
                self._recent[holder].append(event)

    def sources(self, code: str) -> list[Event]:
        """Events that the capacity's reason comes from."""
        old = sum(event.envelope.recorded_at <= self._now - MINUTE_US for event in self._sets)
        # Slots are counted against a rate only from when it was set on.
        first = max(0, (old if code == RATE else len(self._sets)) - 1)
        found = [*self._sets[first:], *([self._override] if self._override else [])]
        if code == LIMIT:
            found += self.granted.values()
        if code == RATE:
            found += [event for stay in self._recent.values() for event in stay]
        return found


class Answer(NamedTuple):
    """What the capacity says."""

    code: str
    words: str
    until: int
    place: int
    sources: list[Event]
    holders: list[str]


def _answer(events: Iterable[Event], holder: str, now: int) -> Answer:
    found = _Capacity(events, now)
    if holder in found.granted:
        return Answer("granted", "it is granted, and the answer is on its way", 0, 0, [found.granted[holder]], [])
    if holder not in found.queued:
        return Answer("asked", "it has not answered yet", 0, 0, [], [])
    place = list(found.queued).index(holder) + 1
    ahead = list(found.queued.values())[:place]
    why = holdup(found.state, now)
    words = why.reason or "one is free, and goes to those who wait in their order"
    if why.code != LIMIT:
        return Answer(why.code or "free", words, why.opens_at, place, [*found.sources(why.code), *ahead], [])
    holders = [migration_of(name)[0] for name in found.granted]
    return Answer(why.code, f"{words}, by {listed(holders, _SHOWN)}", 0, place, [*found.sources(why.code), *ahead], holders)


def waits_for_slot(asked: Event, capacity: Iterable[Event], now: int) -> Cause:
    """The cause that a SlotRequested is, given what is known of the capacity's events, oldest first."""
    body = asked.body
    answer = _answer(capacity, holder_of(asked.envelope.aggregate, body.turn), now)
    place = f" at place {answer.place:,} of its queue" if answer.place else ""
    reason = f"it waits for a slot of {body.capacity}{place}: {answer.words}"
    ask = [Ask(CAPACITY, body.capacity), *(Ask(MIGRATION, name) for name in answer.holders[:_SHOWN])]
    sources, details = [asked, *answer.sources], {"capacity": body.capacity, "place": answer.place}
    return cause(f"slot_{answer.code}", reason, sources, ask, until=answer.until, details=details)


def asks_again_later(lost: Event) -> Cause:
    """The cause that a SlotLost is after which it asks again at a time."""
    body = lost.body
    reason = f"{body.capacity} gave it no slot ({body.reason}); it asks for its slots again by itself"
    return cause("slot_refused", reason, [lost], [Ask(CAPACITY, body.capacity)], until=body.retry_at, details={"capacity": body.capacity})
