"""The decisions of a capacity."""

from collections.abc import Callable
from typing import Any

from libs.contracts import capacity as c
from libs.contracts.capacity import CapacityState as State
from libs.contracts.refusal import CommandRefused
from libs.contracts.values import END_OF_TIME
from libs.domain.capacity.evolving import evolve, holds, waits, written
from libs.domain.capacity.granting import MINUTE_US, MOST_HELD, Events, free, next_change, settled
from libs.domain.capacity.opening import opening_of
from libs.domain.capacity.setting import flaw_of
from libs.domain.decider import Context, Decider

LONGEST_WAIT_US = 60 * MINUTE_US
"""Longest until a question that found no room to wait is asked again: the settings may have changed."""
LONGEST_ID = 256
"""Bytes of the longest id that holders and queue take, so that even full of such ids a state fits into one record."""


def refuse(command: Any, code: str, message: str) -> Events:
    """Answer a client's command that cannot be carried out."""
    return [CommandRefused(command=type(command).__name__, code=code, message=message)]


def set_(state: State, command: c.SetCapacity, ctx: Context) -> Events:
    """Replace what is allowed. Holders beyond a new limit keep their slots; nobody follows them until there is room."""
    flaw = flaw_of(command.settings)
    if flaw:
        return refuse(command, "invalid_settings", flaw)
    return settled(state, [c.CapacitySet(settings=command.settings, wake_at=0)], ctx.now)


def override(state: State, command: c.OverrideFreeze, ctx: Context) -> Events:
    """Open it by hand until a moment, or take that back."""
    flaw = _override_flaw(state, command, ctx.now)
    if flaw:
        return refuse(command, *flaw)
    return settled(state, [c.FreezeOverridden(until=command.until, reason=command.reason, wake_at=0)], ctx.now)


def _override_flaw(state: State, command: c.OverrideFreeze, now: int) -> tuple[str, str] | None:
    settings = opening_of(state.settings).settings
    if not (settings.windows or settings.freezes):
        return "nothing_to_override", "this capacity has neither windows nor freezes; there is nothing to override"
    if not command.reason.strip():
        return "reason_missing", "an override needs a reason; say why in reason"
    if command.until == 0:
        return None if state.override_until > now else ("not_possible_now", "no override holds now; there is nothing to take back")
    if not now < command.until < END_OF_TIME:
        return "until_not_ahead", "until is over already, or too far ahead; give a later moment, or none to take an override back"
    return None


def acquire(state: State, command: c.AcquireSlot, ctx: Context) -> Events:
    """Grant a slot, or a place in the queue. A question that finds no room to wait is answered anew each time."""
    holder, now = command.holder, ctx.now
    if holds(state, holder) or waits(state, holder):
        return []
    if state.held + state.queued >= MOST_HELD or len(written(holder)) > LONGEST_ID:
        return [c.SlotRefused(holder=holder, retry_at=_again(state, now))]
    if state.queued == 0 and free(state, now):
        return settled(state, [c.SlotGranted(holder=holder, at=now, waited_us=0, wake_at=0)], now)
    return settled(state, [c.SlotQueued(holder=holder, since=now, wake_at=0)], now)


def _again(state: State, now: int) -> int:
    """When to ask again where there is no room to wait: not before time opens it, for until then only who gives up leaves room."""
    opens = opening_of(state.settings).grants_from(now, state.override_until)
    return min(max(opens, now + MINUTE_US), now + LONGEST_WAIT_US)


def release(state: State, command: c.ReleaseSlot, ctx: Context) -> Events:
    """Give a slot back, or a place in the queue; from who has neither it is stale."""
    holder = command.holder
    held = holds(state, holder)
    if not held and not waits(state, holder):
        return []
    return settled(state, [c.SlotFreed(holder=holder, held=held, wake_at=0)], ctx.now)


def wake(state: State, command: c.WakeCapacity, ctx: Context) -> Events:
    """Do what the time was asked for. Woken so late that it has closed again, it asks for another time."""
    if command.wake_at == 0 or command.wake_at != state.wake_at or ctx.now < command.wake_at:
        return []
    return settled(state, [], ctx.now) or [c.OpeningMissed(wake_at=next_change(state, ctx.now))]


_DECISIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    c.SetCapacity: set_,
    c.OverrideFreeze: override,
    c.AcquireSlot: acquire,
    c.ReleaseSlot: release,
    c.WakeCapacity: wake,
}


def decide(state: State, command: Any, ctx: Context) -> Events:
    """Events that answer a command. Raises KeyError for a command that no capacity knows."""
    return _DECISIONS[type(command)](state, command, ctx)


DECIDER = Decider(
    aggregate="capacity",
    state=State,
    initial=State(),
    decide=decide,
    evolve=evolve,
    client_commands=frozenset({c.SetCapacity, c.OverrideFreeze}),
)
