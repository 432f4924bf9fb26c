"""Questions about capacities: what they allow, who holds and who waits, and why nobody is granted a slot now."""

from typing import Any

from pydantic import Field

from libs.contracts.avro import encode_value
from libs.contracts.capacity import CapacitySettings, CapacityState
from libs.domain.capacity.evolving import TIME_BYTES
from libs.domain.capacity.explaining import Holdup, holdup
from libs.domain.capacity.granting import MINUTE_US
from libs.domain.slot_policies import migration_of
from libs.edge.asking import Asked, Items, Paged, asked, missing, moment_of, paged, single
from libs.edge.capacity_commands import id_of
from libs.edge.decisions import Document
from libs.edge.event_documents import time_of
from libs.edge.migration_queries import ONE_HEADERS, PAGE_HEADERS
from libs.edge.routing import Answer, Call, Outcome, Route
from libs.readmodel.capacity import CapacityRow
from libs.readmodel.queries import capacities
from libs.readmodel.queries.capacities import SlotRow
from libs.readmodel.reading import Snapshot
from libs.readmodel.slots import HOLDING, WAITING


class IntervalDocument(Document):
    """A stretch of time, its end not included."""

    begins: str
    ends: str


class FreezeDocument(IntervalDocument):
    """A stretch of time in which nothing is granted."""

    label: str


class CapacityDocument(Document):
    """One capacity: its limits, and how it is used."""

    id: str
    version: int = Field(description="Version of the aggregate; the entity tag")
    status: str = Field(description="set, or unset while nothing was ever limited")
    limit: int = Field(description="How many may hold a slot at once; 0 for any number")
    per_minute: int = Field(description="How many slots may be granted within any minute; 0 for any number")
    lockout_ms: int = Field(description="How long before it closes the last slot is granted")
    on_close: str = Field(description="finish or pause: what becomes of holders when it closes")
    windows_from: str = Field(description="The rules that the windows come from")
    freezes_from: str = Field(description="Where the freezes come from")
    description: str
    held: int = Field(description="How many hold a slot")
    queued: int = Field(description="How many wait for one")
    override_until: str | None = Field(description="Until when it was opened by hand, past or not")
    override_reason: str
    override_by: str
    set_at: str | None = Field(description="When it was set last")
    set_by: str
    wake_at: str | None = Field(description="When time changes something for those who hold or wait")
    updated_at: str | None
    updated_event: str


class OneCapacity(CapacityDocument):
    """One capacity with its calendar, what holds slots back, and the position that the answer reflects."""

    windows: list[IntervalDocument]
    freezes: list[FreezeDocument]
    held_up_by: str = Field(description="freeze, window, lockout, limit or rate; empty when a slot would be granted at once")
    reason: str = Field(description="The same in a sentence")
    opens_at: str | None = Field(description="When time opens it next; null when it is open, or when that is not up to time")
    closes_at: str | None = Field(description="When a window closes or a freeze begins")
    position: str


class SlotDocument(Document):
    """A migration that holds a slot, or waits for one."""

    holder: str = Field(description="Id of the migration")
    since: str = Field(description="Since when it holds, or waits")
    waited_ms: int = Field(description="How long it waited before it held the slot")


class Capacities(Items):
    """A page of capacities."""

    items: list[CapacityDocument]


class Slots(Items):
    """A page of those who hold a slot, or wait for one: first come first."""

    items: list[SlotDocument]


def _time(at: int) -> str | None:
    return time_of(at) if at else None


def _document(row: CapacityRow) -> dict[str, Any]:
    settings = capacities.settings_of(row)
    found = CapacityDocument(
        id=row.id,
        version=row.version,
        status=row.status,
        limit=settings.limit,
        per_minute=settings.per_minute,
        lockout_ms=settings.lockout_ms,
        on_close=settings.on_close,
        windows_from=settings.windows_from,
        freezes_from=settings.freezes_from,
        description=settings.description,
        held=row.held,
        queued=row.queued,
        override_until=_time(row.override_until),
        override_reason=row.override_reason,
        override_by=row.override_by,
        set_at=_time(row.set_at),
        set_by=row.set_by,
        wake_at=_time(row.wake_at),
        updated_at=_time(row.updated_at),
        updated_event=row.updated_event,
    )
    return found.model_dump(by_alias=True)


def _calendar(settings: CapacitySettings) -> dict[str, Any]:
    spans = [{"begins": time_of(w.begins), "ends": time_of(w.ends)} for w in settings.windows]
    return {
        "windows": spans,
        "freezes": [{"begins": time_of(f.begins), "ends": time_of(f.ends), "label": f.label} for f in settings.freezes],
    }


async def held_back(snapshot: Snapshot, row: CapacityRow, now: int) -> Holdup:
    """What holds slots of a capacity back at a moment, in microseconds since the epoch."""
    settings = capacities.settings_of(row)
    granted = await capacities.granted_since(snapshot, row.tenant, row, now - MINUTE_US)
    state = CapacityState(
        settings=encode_value(settings),
        override_until=row.override_until,
        held=row.held,
        queued=row.queued,
        recent=b"".join(at.to_bytes(TIME_BYTES) for at in granted),
    )
    return holdup(state, now)


async def _holdup(call: Call, snapshot: Snapshot, row: CapacityRow) -> dict[str, Any]:
    """What holds slots back; as of a past position at the capacity's last event, as of a time then."""
    found = await held_back(snapshot, row, moment_of(call, snapshot, row.updated_at))
    return {
        "heldUpBy": found.code,
        "reason": found.reason,
        "opensAt": _time(found.opens_at),
        "closesAt": _time(found.closes_at),
    }


async def listed(call: Call) -> Answer:
    """A page of capacities."""
    async with asked(call) as snapshot:
        page = await capacities.capacities(snapshot, call.principal.tenant, limit=call.query.limit, cursor=call.query.cursor)
        return paged(call, snapshot, page, _document)


async def one(call: Call) -> Answer:
    """One capacity."""
    async with asked(call) as snapshot:
        row = await _row(call, snapshot)
        body = _document(row) | _calendar(capacities.settings_of(row)) | await _holdup(call, snapshot, row)
        answer = single(call, snapshot, body, row.version)
        # What holds it up changes with time and not only with the version, so nobody may be told that they know it already.
        return Answer(body | {"position": answer.headers["Event-Position"]}, headers=answer.headers)


async def holders(call: Call) -> Answer:
    """A page of those who hold a slot."""
    return await _slots(call, HOLDING)


async def queue(call: Call) -> Answer:
    """A page of those who wait for a slot."""
    return await _slots(call, WAITING)


async def _slots(call: Call, state: str) -> Answer:
    async with asked(call) as snapshot:
        row, query = await _row(call, snapshot), call.query
        page = await capacities.slots(snapshot, call.principal.tenant, row, state, limit=query.limit, cursor=query.cursor)
        return paged(call, snapshot, page, _slot)


def _slot(slot: SlotRow) -> dict[str, Any]:
    return {"holder": migration_of(slot.holder)[0], "since": time_of(slot.since), "waitedMs": slot.waited_us // 1_000}


async def _row(call: Call, snapshot: Snapshot) -> CapacityRow:
    row = await capacities.capacity(snapshot, call.principal.tenant, id_of(call))
    if row is None:
        raise missing("capacity; nobody set it or asked it for a slot")
    return row


_ONE = "/v1/capacities/{kind}/{name}"
_TAG = "capacities"
_PAGE = Outcome("A page", Slots, headers=PAGE_HEADERS)
ROUTES = (
    Route(
        "GET", "/v1/capacities", "listCapacities", "List capacities", _TAG, listed,
        {200: Outcome("A page", Capacities, headers=PAGE_HEADERS)}, query=Paged, as_of=True,
    ),
    Route(
        "GET", _ONE, "getCapacity", "Read one capacity, and why nobody is granted a slot", _TAG, one,
        {200: Outcome("The capacity", OneCapacity, headers=ONE_HEADERS)}, query=Asked, as_of=True,
    ),
    Route("GET", f"{_ONE}/holders", "listHolders", "List who holds a slot", _TAG, holders, {200: _PAGE}, query=Paged, as_of=True),
    Route("GET", f"{_ONE}/queue", "listQueue", "List who waits for a slot", _TAG, queue, {200: _PAGE}, query=Paged, as_of=True),
)  # fmt: skip
