"""The current row of a wave. It is folded by the domain's own `evolve`, so that nobody counts members in a second way."""

from functools import lru_cache

import msgspec
from msgspec.structs import replace

from libs.contracts.wave.state import WaveState
from libs.domain.wave.evolving import evolve as evolved
from libs.domain.wave.graph import Pages
from libs.readmodel.facts import Fact, text
from libs.readmodel.view import Row, View

UNPLANNED = "unplanned"
"""Status of a wave that migrations or other waves name, and that nobody planned yet."""
_NOBODY = msgspec.msgpack.encode(())


class WaveRow(Row, frozen=True, kw_only=True):
    """What is known of a wave; `state_of` tells it in words. The roster is apart, for it is large and seldom changes."""

    requested_by: str
    roster: bytes = _NOBODY
    state: bytes = b""


@lru_cache(maxsize=64)
def _pages(roster: bytes) -> Pages:
    # Remembered so that each event finds the same page objects: their graph is looked up by their hash.
    return msgspec.msgpack.decode(roster, type=Pages)


def state_of(row: WaveRow | None) -> WaveState:
    """The wave as its decider sees it, without the chain of its events."""
    if row is None:
        return WaveState()
    return replace(msgspec.msgpack.decode(row.state, type=WaveState), pages=_pages(row.roster))


def evolve(row: WaveRow | None, fact: Fact) -> WaveRow:
    """The row after an event; any event may be the first, for members and other waves may name a wave before it is planned."""
    envelope, before = fact.envelope, state_of(row)
    after = evolved(before, fact.body)
    begun = row or WaveRow(
        tenant=envelope.tenant,
        id=envelope.aggregate,
        partition=fact.partition,
        requested_pos=fact.pos,
        requested_at=envelope.recorded_at,
        requested_by=text(envelope.actor),
        version=0,
        head=b"",
        status=UNPLANNED,
        updated_at=0,
        updated_event="",
    )
    return replace(
        begun,
        version=envelope.version,
        head=fact.hash,
        status=after.status or UNPLANNED,
        updated_at=envelope.recorded_at,
        updated_event=envelope.event_id,
        roster=begun.roster if after.pages == before.pages else msgspec.msgpack.encode(after.pages),
        state=msgspec.msgpack.encode(replace(after, pages=())),
    )


VIEW = View(
    table="wave",
    row=WaveRow,
    evolve=evolve,
    json=frozenset(),
    fixed=frozenset({"tenant", "id", "partition", "requested_pos", "requested_at", "requested_by"}),
    seldom=frozenset({"roster"}),
)
