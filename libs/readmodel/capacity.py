"""The current row of a capacity: what it allows, and how many hold or wait."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from libs.contracts import capacity as c
from libs.contracts.refusal import CommandRefused
from libs.readmodel.facts import Fact, text
from libs.readmodel.view import Row, View

LONGEST_TEXT = 2_000
SET, UNSET = "set", "unset"
Changes = dict[str, Any]


class CapacityRow(Row, frozen=True, kw_only=True):
    """What is known of a capacity. `status` is set, or unset while nothing limits it; `settings` holds JSON."""

    requested_by: str
    settings: str = "{}"
    set_at: int = 0
    """When it was set last; 0 before."""
    set_by: str = ""
    rate_since: int = 0
    """Since when slots are counted against a rate per minute; 0 while there is none."""
    override_until: int = 0
    override_reason: str = ""
    override_by: str = ""
    held: int = 0
    queued: int = 0
    wake_at: int = 0
    """When time changes something again; 0 for never."""


def _set(row: CapacityRow, fact: Fact) -> Changes:
    now, settings = fact.envelope.recorded_at, fact.body.settings
    return {
        "status": SET,
        "settings": msgspec.json.encode(settings).decode(),
        "set_at": now,
        "set_by": text(fact.envelope.actor),
        "rate_since": (row.rate_since or now) if settings.per_minute else 0,
    }


def _overridden(row: CapacityRow, fact: Fact) -> Changes:
    body = fact.body
    who = text(fact.envelope.actor)
    return {"override_until": body.until, "override_reason": text(body.reason, LONGEST_TEXT), "override_by": who}


def _granted(row: CapacityRow, fact: Fact) -> Changes:
    # Who waits is granted a slot before anybody who comes: as long as somebody waits, it is one of them.
    return {"held": row.held + 1, "queued": max(0, row.queued - 1)}


_CHANGES: dict[type[Any], Callable[[CapacityRow, Fact], Changes]] = {
    c.CapacitySet: _set,
    c.FreezeOverridden: _overridden,
    c.SlotQueued: lambda row, fact: {"queued": row.queued + 1},
    c.SlotGranted: _granted,
    c.SlotFreed: lambda row, fact: {"held": row.held - 1} if fact.body.held else {"queued": row.queued - 1},
    c.SlotRevoked: lambda row, fact: {"held": row.held - 1},
    c.SlotRefused: lambda row, fact: {},
    c.OpeningMissed: lambda row, fact: {},
    CommandRefused: lambda row, fact: {},
}


def evolve(row: CapacityRow | None, fact: Fact) -> CapacityRow:
    """The row after an event; any event may be the first, for a capacity that was never set grants slots."""
    envelope, body = fact.envelope, fact.body
    before = row or CapacityRow(
        tenant=envelope.tenant,
        id=envelope.aggregate,
        partition=fact.partition,
        requested_pos=fact.pos,
        requested_at=envelope.recorded_at,
        requested_by=text(envelope.actor),
        version=0,
        head=b"",
        status=UNSET,
        updated_at=0,
        updated_event="",
    )
    changes = _CHANGES[type(body)](before, fact)
    return replace(
        before,
        version=envelope.version,
        head=fact.hash,
        updated_at=envelope.recorded_at,
        updated_event=envelope.event_id,
        wake_at=getattr(body, "wake_at", before.wake_at),
        **changes,
    )


VIEW = View(
    table="capacity",
    row=CapacityRow,
    evolve=evolve,
    json=frozenset({"settings"}),
    fixed=frozenset({"tenant", "id", "partition", "requested_pos", "requested_at", "requested_by"}),
)
