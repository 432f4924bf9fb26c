"""How events change the state of a capacity: who holds and who waits, as bytes that are cut and joined."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts import capacity as c
from libs.contracts.avro import encode_value
from libs.contracts.capacity import CapacityState as State
from libs.contracts.refusal import CommandRefused
from libs.domain.capacity.opening import opening_of

TIME_BYTES = 8


def written(holder: str) -> bytes:
    """An id as holders and queue hold it: one word without line feed or tab, whatever the id is made of."""
    return holder.encode("unicode_escape")


def read(word: bytes) -> str:
    """The id that `written` wrote."""
    return word.decode("unicode_escape")


def holds(state: State, holder: str) -> bool:
    """Whether a migration holds a slot."""
    return b"\n%b\n" % written(holder) in state.holders


def waits(state: State, holder: str) -> bool:
    """Whether a migration waits for a slot."""
    return b"\n%b\t" % written(holder) in state.queue


def _added(entries: bytes, entry: bytes) -> bytes:
    return b"%b%b\n" % (entries or b"\n", entry)


def _removed(entries: bytes, begin: bytes) -> bytes:
    """Entries less the one that begins so, line feed included; the same when there is none."""
    at = entries.find(begin)
    return entries if at < 0 else entries[:at] + entries[entries.index(b"\n", at + 1) :]


def _set(state: State, event: c.CapacitySet) -> State:
    recent = state.recent if event.settings.per_minute else b""
    return replace(state, settings=encode_value(event.settings), recent=recent, wake_at=event.wake_at)


def _queued(state: State, event: c.SlotQueued) -> State:
    entry = b"%b\t%d" % (written(event.holder), event.since)
    return replace(state, queued=state.queued + 1, queue=_added(state.queue, entry), wake_at=event.wake_at)


def _granted(state: State, event: c.SlotGranted) -> State:
    word = written(event.holder)
    queue = _removed(state.queue, b"\n%b\t" % word) if state.queued else state.queue
    return replace(
        state,
        held=state.held + 1,
        holders=_added(state.holders, word),
        queued=state.queued - (queue is not state.queue),
        queue=queue,
        recent=noted(state, event.at),
        wake_at=event.wake_at,
    )


def noted(state: State, at: int, times: int = 1) -> bytes:
    """When the last slots were granted, after so many more at one moment; nothing where no rate is kept."""
    rate = opening_of(state.settings).settings.per_minute
    return (state.recent + at.to_bytes(TIME_BYTES) * times)[-TIME_BYTES * rate :] if rate else b""


def _gone(state: State, holder: str, wake_at: int) -> State:
    return replace(state, held=state.held - 1, holders=_removed(state.holders, b"\n%b\n" % written(holder)), wake_at=wake_at)


def _freed(state: State, event: c.SlotFreed) -> State:
    if event.held:
        return _gone(state, event.holder, event.wake_at)
    queue = _removed(state.queue, b"\n%b\t" % written(event.holder))
    return replace(state, queued=state.queued - 1, queue=queue, wake_at=event.wake_at)


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    c.CapacitySet: _set,
    c.FreezeOverridden: lambda state, event: replace(state, override_until=event.until, wake_at=event.wake_at),
    c.SlotQueued: _queued,
    c.SlotGranted: _granted,
    c.SlotFreed: _freed,
    c.SlotRevoked: lambda state, event: _gone(state, event.holder, event.wake_at),
    c.SlotRefused: lambda state, event: state,
    c.OpeningMissed: lambda state, event: replace(state, wake_at=event.wake_at),
    CommandRefused: lambda state, event: state,
}


def evolve(state: State, event: Any) -> State:
    """The state after an event. Raises KeyError for an event that no capacity knows."""
    return _CHANGES[type(event)](state, event)
