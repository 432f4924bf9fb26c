"""Messages about what a migration waits for before it begins: admission by its wave, and a slot of each capacity it needs.

The commands come from policies: the wave's and the capacities' answers. Slots are asked for in turns, one capacity after
the other in the order of their ids; the number of the turn tells an answer from one to a question that was withdrawn.
"""

import msgspec


class AdmitMigration(msgspec.Struct, frozen=True, kw_only=True):
    """The wave lets a member begin."""

    turn: int
    """Which admission of the wave this is, so that a repeat is recognised."""
    limits: tuple[str, ...] = ()
    """Capacities that every member of the wave needs a slot of."""
    after: tuple[str, ...] = ()
    """What the wave knows as the member's dependencies; all are met."""


class TakeSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A capacity granted the slot that was asked for."""

    capacity: str
    """Id of the capacity."""
    turn: int
    """Turn in which it was asked for; stale when another is on."""


class LoseSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A capacity took the slot away, or had no room to wait for one."""

    capacity: str
    """Id of the capacity."""
    turn: int
    """Turn in which it was asked for; stale when another is on."""
    reason: str
    """Why, in one sentence."""
    retry_at: int = 0
    """When it may be asked for again, in microseconds since the epoch; 0 for at once."""


class AdmissionAwaited(msgspec.Struct, frozen=True, kw_only=True):
    """The migration is planned and waits for its wave to admit it."""

    wave: str
    """Name of the wave."""


class MigrationAdmitted(msgspec.Struct, frozen=True, kw_only=True):
    """The wave let it begin; what it depends on is completed."""

    limits: tuple[str, ...]
    """Capacities that it needs a slot of beside those it asked for itself."""


class AdmissionDeclined(msgspec.Struct, frozen=True, kw_only=True):
    """The wave would let it begin, but does not know everything it depends on; it goes on waiting."""

    wave: str
    """Name of the wave."""
    turn: int
    """Which admission of the wave was declined."""
    undeclared: tuple[str, ...]
    """Migrations that its request names in depends_on and the wave does not know as its dependencies."""


class SlotRequested(msgspec.Struct, frozen=True, kw_only=True):
    """The migration waits for a slot."""

    capacity: str
    """Id of the capacity."""
    turn: int
    """In which turn it is asked for; rises when asking begins again from the first."""
    reason: str = ""
    """Why, where a person asked for it to go on; empty otherwise."""


class SlotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The migration holds a slot."""

    capacity: str
    """Id of the capacity."""
    turn: int
    """In which turn it was asked for."""


class SlotLost(msgspec.Struct, frozen=True, kw_only=True):
    """A slot was taken away, or there was no room to wait for it."""

    capacity: str
    """Id of the capacity."""
    turn: int
    """In which turn it was asked for."""
    reason: str
    """Why, in one sentence."""
    retry_at: int
    """When slots are asked for again, in microseconds since the epoch; 0 for at once."""


class SlotsReleased(msgspec.Struct, frozen=True, kw_only=True):
    """Slots were given back, and the one that was asked for is no longer wanted."""

    capacities: tuple[str, ...]
    """Ids of the capacities."""
    turn: int
    """In which turn they were asked for."""
