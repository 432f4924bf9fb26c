"""The subscription aggregate: who wants to be told of which events, and which generation of the secret signs them.

active ◀─▶ disabled
   └──▶ deleted ◀──┘
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts import subscription as s
from libs.contracts.refusal import CommandRefused
from libs.contracts.subscription import SubscriptionState as State
from libs.domain.decider import Context, Decider

Events = list[Any]
ACTIVE, DISABLED, DELETED = "active", "disabled", "deleted"
OVERLAP_US = 24 * 3_600 * 1_000_000
"""How long the previous secret signs as well after a rotation, so that receivers have a day to follow."""
CHANNELS = ("webhook",)


# --- evolve ---------------------------------------------------------------------------------------------------------


def _created(state: State, event: s.SubscriptionCreated) -> State:
    return replace(state, status=ACTIVE, interest=event.interest, since=event.since)


def _rotated(state: State, event: s.SecretRotated) -> State:
    return replace(state, generation=event.generation, overlap_until=event.overlap_until)


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    s.SubscriptionCreated: _created,
    s.SubscriptionChanged: lambda state, event: replace(state, interest=event.interest),
    s.SubscriptionDisabled: lambda state, event: replace(state, status=DISABLED),
    s.SubscriptionEnabled: lambda state, event: replace(state, status=ACTIVE, since=event.since),
    s.SecretRotated: _rotated,
    s.SubscriptionDeleted: lambda state, event: replace(state, status=DELETED),
    CommandRefused: lambda state, event: state,
}


def evolve(state: State, event: Any) -> State:
    """The state after an event. Raises KeyError for an event that no subscription knows."""
    return _CHANGES[type(event)](state, event)


# --- decisions ------------------------------------------------------------------------------------------------------


def refuse(command: Any, code: str, message: str) -> Events:
    """Answer a client's command that cannot be carried out."""
    return [CommandRefused(command=type(command).__name__, code=code, message=message)]


def _not_now(state: State, command: Any, allowed: str) -> Events:
    if not state.status:
        return refuse(command, "not_found", "there is no such subscription")
    if state.status == DELETED:
        return refuse(command, "ended", "the subscription is deleted for good; create another")
    return refuse(command, "not_possible_now", f"the subscription is {state.status}; this is possible only while it is {allowed}")


def flaw_of(interest: s.Interest) -> str:
    """What is wrong with an interest; empty when nothing is."""
    if not interest.url.startswith(("https://", "http://")):
        return f"url is {interest.url!r}; give an absolute http or https address"
    if not interest.event_types or "" in interest.event_types:
        return "event_types is empty or holds an empty name; name at least one type, or * for all"
    if interest.channel not in CHANNELS:
        return f"channel is {interest.channel!r}; known: {', '.join(CHANNELS)}"
    return ""


def create(state: State, command: s.CreateSubscription, ctx: Context) -> Events:
    """A new subscription, active at once."""
    if state.status:
        return refuse(command, "already_exists", "a subscription with this id exists already; choose another id")
    flaw = flaw_of(command.interest)
    return refuse(command, "invalid_interest", flaw) if flaw else [s.SubscriptionCreated(interest=command.interest, since=ctx.now)]


def change(state: State, command: s.ChangeSubscription, ctx: Context) -> Events:
    """Replace what is wanted; also while disabled, which is when an address is put right."""
    if state.status not in (ACTIVE, DISABLED):
        return _not_now(state, command, "active or disabled")
    flaw = flaw_of(command.interest)
    return refuse(command, "invalid_interest", flaw) if flaw else [s.SubscriptionChanged(interest=command.interest)]


def disable(state: State, command: s.DisableSubscription, ctx: Context) -> Events:
    """Stop telling."""
    return [s.SubscriptionDisabled(reason=command.reason)] if state.status == ACTIVE else _not_now(state, command, ACTIVE)


def enable(state: State, command: s.EnableSubscription, ctx: Context) -> Events:
    """Go on telling."""
    return [s.SubscriptionEnabled(reason=command.reason, since=ctx.now)] if state.status == DISABLED else _not_now(state, command, DISABLED)


def rotate(state: State, command: s.RotateSecret, ctx: Context) -> Events:
    """A new secret; only the one before it goes on signing for the overlap, so two rotations in a row shut out a leaked one."""
    if state.status not in (ACTIVE, DISABLED):
        return _not_now(state, command, "active or disabled")
    return [s.SecretRotated(generation=state.generation + 1, overlap_until=ctx.now + OVERLAP_US)]


def delete(state: State, command: s.DeleteSubscription, ctx: Context) -> Events:
    """End it for good."""
    if state.status not in (ACTIVE, DISABLED):
        return _not_now(state, command, "active or disabled")
    return [s.SubscriptionDeleted(reason=command.reason)]


# --- decide ---------------------------------------------------------------------------------------------------------

_DECISIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    s.CreateSubscription: create,
    s.ChangeSubscription: change,
    s.DisableSubscription: disable,
    s.EnableSubscription: enable,
    s.RotateSecret: rotate,
    s.DeleteSubscription: delete,
}


def decide(state: State, command: Any, ctx: Context) -> Events:
    """Events that answer a command. Raises KeyError for a command that no subscription knows."""
    return _DECISIONS[type(command)](state, command, ctx)


DECIDER = Decider(
    aggregate="subscription",
    state=State,
    initial=State(),
    decide=decide,
    evolve=evolve,
    client_commands=frozenset(_DECISIONS),
)
