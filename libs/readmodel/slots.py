"""Who holds and who waits in capacities, as rows that say from which position to which (table capacity_slot)."""

from typing import Any, NamedTuple

from libs.contracts import capacity as c
from libs.readmodel.facts import Fact, text
from libs.runtime.sink import Connection

HOLDING, WAITING = "holding", "waiting"
_COLUMNS = ("tenant", "capacity", "holder", "state", "partition", "from_pos", "since", "waited_us", "to_pos", "level", "ended_by")
_END = """UPDATE capacity_slot t SET to_pos = n.to_pos, level = length(ltrim((n.to_pos - t.from_pos)::bit(64)::text, '0')), ended_by = n.ended_by
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[]) AS n (tenant, capacity, holder, state, to_pos, ended_by)
WHERE t.tenant = n.tenant AND t.capacity = n.capacity AND t.holder = n.holder AND t.state = n.state AND t.to_pos IS NULL"""
Stay = tuple[str, str, str, str]
"""Tenant, capacity, holder and state."""


class _Begun(NamedTuple):
    stay: Stay
    partition: int
    from_pos: int
    since: int
    waited_us: int
    to_pos: int | None = None
    level: int | None = None
    ended_by: str = ""


class Slots:
    """The stays that a batch begins and ends."""

    def __init__(self) -> None:
        self._going_on: dict[Stay, _Begun] = {}
        self._over: list[_Begun] = []
        self._ended: dict[Stay, tuple[int, str]] = {}

    def take(self, fact: Fact) -> None:
        """Note what one event of a capacity begins or ends; other events are none of it."""
        body, envelope = fact.body, fact.envelope
        kind = type(body)
        if kind is c.SlotGranted:
            self._end(fact, WAITING)
            self._begin(fact, HOLDING, envelope.recorded_at, body.waited_us)
        elif kind is c.SlotQueued:
            self._begin(fact, WAITING, envelope.recorded_at, 0)
        elif kind is c.SlotFreed:
            self._end(fact, HOLDING if body.held else WAITING)
        elif kind is c.SlotRevoked:
            self._end(fact, HOLDING)

    def _begin(self, fact: Fact, state: str, since: int, waited_us: int) -> None:
        stay = _stay(fact, state)
        self._going_on[stay] = _Begun(stay, fact.partition, fact.pos, since, waited_us)

    def _end(self, fact: Fact, state: str) -> None:
        stay, how = _stay(fact, state), type(fact.body).__name__
        begun = self._going_on.pop(stay, None)
        if begun is None:
            self._ended[stay] = (fact.pos, how)
        else:
            self._over.append(begun._replace(to_pos=fact.pos, level=(fact.pos - begun.from_pos).bit_length(), ended_by=how))

    async def write(self, connection: Connection) -> None:
        """Write what the batch noted: first the ends of stays that earlier batches began."""
        if self._ended:
            stays, ends = list(self._ended), list(self._ended.values())
            columns: list[list[Any]] = [[stay[n] for stay in stays] for n in range(4)]
            await connection.execute(_END, *columns, [end[0] for end in ends], [end[1] for end in ends])
        begun = [*self._over, *self._going_on.values()]
        if begun:
            records = [(*row.stay, *row[1:]) for row in begun]
            await connection.copy_records_to_table("capacity_slot", records=records, columns=list(_COLUMNS))


def _stay(fact: Fact, state: str) -> Stay:
    return (fact.envelope.tenant, fact.envelope.aggregate, text(fact.body.holder), state)
