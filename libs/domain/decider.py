"""The shape of every aggregate: decide, evolve, initial.

`decide` returns events and touches nothing; `evolve` is the only way state changes. Neither knows a clock, chance or I/O.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from libs.contracts.envelope import CommandEnvelope, event_id_of


class Context(NamedTuple):
    """What a decision may know besides state and command."""

    tenant: str
    aggregate: str
    actor: str
    now: int
    """Microseconds since the epoch, stamped by the loop; never decreases within a partition."""
    environment: str = ""
    """Environment that the command is meant for, e.g. dev or prod."""
    version: int = 0
    """Version of the aggregate before the decision."""
    command_id: str = ""
    """Id of the command that is decided."""
    digest: bytes = b""
    """What `libs.domain.history.digest_of` says of it."""

    def event_id(self, ordinal: int) -> str:
        """Id of the `ordinal`-th event of this decision, from 0."""
        return event_id_of(self.tenant, self.aggregate, self.command_id, self.digest, ordinal)


class Command(NamedTuple):
    """A command as the loop hands it on."""

    envelope: CommandEnvelope
    body: Any


class Decider(NamedTuple):
    """One kind of aggregate.

    `client_commands` are those that must leave an event naming them, a refusal included; the others are workers'
    reports and wakes, which leave nothing when they are stale.
    """

    aggregate: str
    state: type[Any]
    initial: Any
    decide: Callable[[Any, Any, Context], Sequence[Any]]
    evolve: Callable[[Any, Any], Any]
    client_commands: frozenset[type[Any]]
    archives: type[Any] | None = None
    """Type of the event after which only a headstone is left of the aggregate: whoever folds it seals the stream."""
