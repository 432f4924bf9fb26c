"""What stands between a plan and its first step: admission by a wave, and a slot of each capacity; and what changes there.

Slots are asked for one after the other in the order of their ids, so that no two migrations ever wait for each other.
A migration with neither wave nor limits has no gates at all, and costs nothing here.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import gates as g
from libs.contracts.migration.request import Request
from libs.contracts.migration.state import Gates
from libs.contracts.migration.state import MigrationState as State

Events = list[Any]
ADMISSION, SLOT = "admission", "slot"
MOST_LIMITS = 32
"""Most capacities that a request may name, and most that a wave may add: what is given back at once is bounded (D6)."""
_OPEN = Gates()


def of(state: State) -> Gates:
    """The gates of a state; open ones where there are none."""
    return state.gates or _OPEN


def gates_of(request: Request) -> Gates | None:
    """The gates that a request asks for."""
    return Gates(wave=request.wave, limits=tuple(sorted(set(request.limits)))) if request.wave or request.limits else None


def closed(state: State) -> bool:
    """Whether anything stands between the plan and a step of it."""
    return state.gates is not None and (bool(state.gates.limits) or not state.gates.admitted)


def first_gate(state: State) -> Events:
    """The first thing that a migration waits for whose gates are closed."""
    gates = of(state)
    return [g.AdmissionAwaited(wave=gates.wave)] if gates.wave and not gates.admitted else [first_slot(state)]


def first_slot(state: State, reason: str = "") -> g.SlotRequested:
    """Ask for the slots in a new turn, from the first."""
    gates = of(state)
    return g.SlotRequested(capacity=gates.limits[0], turn=gates.turn + 1, reason=reason)


def asking(state: State) -> bool:
    """Whether it waits for slots, those it may ask for only later included."""
    return of(state).at == SLOT


def leaves(state: State) -> State:
    """The state in which it no longer waits at a gate for slots."""
    gates = state.gates
    if gates is None or gates.at != SLOT:
        return state
    wake_at = gates.until if gates.ask_at else state.wake_at
    return replace(state, wake_at=wake_at, gates=replace(gates, at="", ask_at=0, until=0))


def turns_back(state: State) -> State:
    """The state in which it waits at no gate at all."""
    state = leaves(state)
    return replace(state, gates=replace(state.gates, at="")) if state.gates is not None else state


def wait_ended(state: State) -> State:
    """The state after a wait that was its current step has ended: from now on it wakes only to ask for slots."""
    return replace(state, wake_at=of(state).ask_at, gates=replace(of(state), until=0))


def _changed(state: State, **changes: Any) -> State:
    return replace(state, gates=replace(of(state), **changes))


def _admitted(state: State, event: g.MigrationAdmitted) -> State:
    return _changed(state, admitted=True, at="", limits=tuple(sorted({*of(state).limits, *event.limits})))


def _requested(state: State, event: g.SlotRequested) -> State:
    state = leaves(state)
    return replace(_changed(state, at=SLOT, turn=event.turn, slots=(*of(state).slots, event.capacity)), status="waiting")


def _lost(state: State, event: g.SlotLost) -> State:
    state = leaves(state)
    state = _changed(state, slots=tuple(slot for slot in of(state).slots if slot != event.capacity))
    if not event.retry_at:
        return state
    wake_at = min(filter(None, (state.wake_at, event.retry_at)))
    return replace(_changed(state, at=SLOT, ask_at=event.retry_at, until=state.wake_at), wake_at=wake_at)


def _released(state: State, event: g.SlotsReleased) -> State:
    gates = of(state)
    return _changed(state, slots=(), at="" if gates.at == SLOT and not gates.ask_at else gates.at)


CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    g.AdmissionAwaited: lambda state, event: replace(_changed(state, at=ADMISSION), status="waiting"),
    g.MigrationAdmitted: _admitted,
    g.AdmissionDeclined: lambda state, event: _changed(state, declined=event.turn),
    g.SlotRequested: _requested,
    g.SlotTaken: lambda state, event: _changed(state, at=""),
    g.SlotLost: _lost,
    g.SlotsReleased: _released,
}
"""Part of `evolve`."""
