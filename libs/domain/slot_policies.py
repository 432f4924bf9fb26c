"""Between a migration and the capacities that it needs slots of.

The holder of a slot is a migration in one of its turns, so that an answer which crossed a withdrawal on the way is not taken
for the answer to a later question.
"""

from collections.abc import Sequence
from typing import Any

from libs.contracts import capacity as c
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import gates as g
from libs.domain.policy import To

NO_ROOM = "there is no room to wait for a slot"


def holder_of(migration: str, turn: int) -> str:
    """How a capacity knows a migration that asked in a turn. The format is kept by capacities: never change it."""
    return f"{migration}#{turn}"


def migration_of(holder: str) -> tuple[str, int]:
    """Migration and turn of a holder; turn 0 when it is none of ours."""
    migration, _, turn = holder.rpartition("#")
    return (migration, int(turn)) if turn.isdecimal() else (holder, 0)


def ask(event: g.SlotRequested, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A migration wants a slot."""
    return [To("capacity", event.capacity, c.AcquireSlot(holder=holder_of(envelope.aggregate, event.turn)))]


def give_back(event: g.SlotsReleased, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A migration needs its slots no longer."""
    released = c.ReleaseSlot(holder=holder_of(envelope.aggregate, event.turn))
    return [To("capacity", capacity, released) for capacity in event.capacities]


def granted(event: c.SlotGranted, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A capacity granted a slot."""
    migration, turn = migration_of(event.holder)
    return [To("migration", migration, g.TakeSlot(capacity=envelope.aggregate, turn=turn))] if turn else []


def revoked(event: c.SlotRevoked, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A capacity took a slot away."""
    return _lost(event.holder, envelope, event.reason, 0)


def asked_too_many(event: c.SlotRefused, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A capacity has no room even to wait."""
    return _lost(event.holder, envelope, NO_ROOM, event.retry_at)


def _lost(holder: str, envelope: EventEnvelope, reason: str, retry_at: int) -> Sequence[To]:
    migration, turn = migration_of(holder)
    lose = g.LoseSlot(capacity=envelope.aggregate, turn=turn, reason=reason, retry_at=retry_at)
    return [To("migration", migration, lose)] if turn else []
