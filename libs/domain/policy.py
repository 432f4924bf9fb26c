"""The shape of every policy: from one event of an aggregate to commands for others. Pure, like a decider (D1).

The commands are written in the transaction that writes the event; each is named by event, policy and target, so that a
repeat is recognised. What needs more than MOST_COMMANDS leads to an event that sends its own aggregate a command to go on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from libs.contracts.envelope import CommandEnvelope, EventEnvelope, consequence

MOST_COMMANDS = 100
"""Most commands that one event leads to (D6)."""


class TooManyCommands(Exception):
    """A policy asked for more commands than one event may lead to: a defect of the policy or of its decider."""


class To(NamedTuple):
    """A command for an aggregate of the event's tenant; `kind` names its decider."""

    kind: str
    aggregate: str
    body: Any


class Policy(NamedTuple):
    """What follows from one type of event. `react` is given the event, its envelope and the state after it.

    The name is part of the id of every command that the policy sends: never change it.
    """

    name: str
    react: Callable[[Any, EventEnvelope, Any], Sequence[To]]


def both(
    first: Callable[[Any, EventEnvelope, Any], Sequence[To]], second: Callable[[Any, EventEnvelope, Any], Sequence[To]]
) -> Callable[[Any, EventEnvelope, Any], Sequence[To]]:
    """What follows where two things do: the commands of both. They must not go to the same aggregate."""
    return lambda event, envelope, state: [*first(event, envelope, state), *second(event, envelope, state)]


Policies = Mapping[type[Any], Policy]
"""By type of event. Most types have none, and cost one look."""


def consequences(policy: Policy, event: Any, envelope: EventEnvelope, state: Any) -> Iterator[tuple[str, CommandEnvelope, Any]]:
    """Kind, envelope and body of each command that follows from an event. Raises TooManyCommands."""
    commands = policy.react(event, envelope, state)
    if len(commands) > MOST_COMMANDS:
        raise TooManyCommands(f"policy {policy.name} asks for {len(commands)} commands for one event; {MOST_COMMANDS} are possible")
    return ((kind, consequence(envelope, policy.name, kind, aggregate), body) for kind, aggregate, body in commands)
