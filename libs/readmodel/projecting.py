"""The projection: a batch of the log folded in memory, then written with one statement or COPY a table.

Everything folded belongs to one partition, so a row has one writer; current rows are remembered between batches. While one
batch is being written the next is folded: what a batch writes is complete once it is folded, and touched no more.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import structlog
from msgspec.structs import replace

from libs.contracts.envelope import GENESIS
from libs.contracts.operations import DeadLetter, DeadLetterResolved, ProgressReported
from libs.contracts.refusal import CommandRefused
from libs.readmodel import capacity, delivery, generations, migration, operations, subscription, wave
from libs.readmodel.counts import Counts
from libs.readmodel.facts import EVENT_COLUMNS, KINDS, EventRow, Fact, event_row, fact_of
from libs.readmodel.members import Members
from libs.readmodel.slots import Slots
from libs.readmodel.view import View, insert, load, update
from libs.runtime.batches import Taken
from libs.runtime.errors import BrokenHistory, Poison
from libs.runtime.received import Received
from libs.runtime.sink import Connection, Load

_log = structlog.get_logger()
_MIGRATION, _CAPACITY, _WAVE = KINDS["migration"], KINDS["capacity"], KINDS["wave"]
VIEWS: dict[int, View] = {
    _MIGRATION: migration.VIEW,
    KINDS["delivery"]: delivery.VIEW,
    KINDS["subscription"]: subscription.VIEW,
    _CAPACITY: capacity.VIEW,
    _WAVE: wave.VIEW,
}
REMEMBERED = 50_000
"""Current rows kept in memory between batches."""
LONGEST_KEY = 1_000
_CHANGE_COLUMNS = ["tenant", "partition", "level", "pos", "since", "id", "status_from", "status_to"]
_TERM_COLUMNS = ["tenant", "term", "requested_at", "id"]
Key = tuple[int, str, str]
_Placed = tuple[Key, Fact, Taken]
"""A fact, by the key of the row that it changes and with the record that it was read from."""


def usable(key: bytes | None) -> bool:
    """Whether a Kafka key is one that rows can be found by."""
    return key is not None and len(key) <= LONGEST_KEY and b"\0" not in key


class Projector:
    """Target of the projector's sink. `schema` names the generation to fill; without it, whichever is live."""

    def __init__(self, prefix: str, schema: str = "") -> None:
        self._prefix, self._schema = prefix, schema
        self._kinds = {f"{prefix}.{name}.events": number for name, number in KINDS.items()}
        self._rows: dict[Key, Any] = {}
        self._counts = Counts()

    def forget(self) -> None:
        """Drop the rows and counts remembered."""
        self._rows = {}
        self._counts.forget()

    async def reader(self, connection: Connection) -> str:
        """The generation to fill, for this transaction."""
        if self._schema:
            await generations.use(connection, self._schema)
            return self._schema
        return await generations.live(connection, self._prefix)

    def fold(self, records: list[Taken], load: Load) -> "_Batch":
        """Fold a batch. An event that does not follow its aggregate's last one is not the validator's: it is refused with an
        alarm and kept as a dead letter, never folded.
        """
        batch = _Batch(self._rows, self._counts)
        facts, missing, places = self._sorted(records, batch)
        if missing or places:
            load(partial(self._load, missing, places))
        for key, fact, taken in facts:
            try:
                batch.take(key, fact, taken.record)
            except BrokenHistory as error:
                _log.error("event refused", topic=taken.record.topic, partition=fact.partition, offset=fact.pos, reason=str(error))
                batch.rejected.append(replace(taken, content=Poison("does_not_follow", str(error))))
        self._remember(batch.end())
        return batch

    async def write(self, connection: Connection, folded: "_Batch") -> None:
        """Write a batch that was folded."""
        await folded.write(connection)

    def _sorted(self, records: list[Taken], batch: "_Batch") -> tuple[list[_Placed], set[Key], set[tuple[str, int]]]:
        """The events among the records, and which rows, and counts of which tenants and partitions, they need and memory lacks.
        Whatever else there is goes into the batch."""
        facts: list[_Placed] = []
        missing: set[Key] = set()
        places: set[tuple[str, int]] = set()
        for taken in records:
            record, content = taken.record, taken.content
            if isinstance(content, Poison):
                batch.rejected.append(taken)
            elif content.envelope is None:
                batch.others.append(content.body)
            else:
                fact, envelope = fact_of(record, self._kinds[record.topic], content), content.envelope
                key = (fact.kind, envelope.tenant, envelope.aggregate)
                if key not in self._rows:
                    if not usable(record.key):
                        poison = Poison("key_unusable", f"the key is longer than {LONGEST_KEY} bytes or holds a NUL character")
                        batch.rejected.append(replace(taken, content=poison))
                        continue
                    if envelope.version:
                        missing.add(key)
                if fact.kind == _MIGRATION:
                    places.add((envelope.tenant, fact.partition))
                facts.append((key, fact, taken))
        return facts, missing, self._counts.unknown(places)

    async def _load(self, missing: set[Key], places: set[tuple[str, int]], connection: Connection) -> None:
        for kind, view in VIEWS.items():
            keys = [key[1:] for key in missing if key[0] == kind]
            if keys:
                found = await load(connection, view, keys)
                self._rows.update({(kind, *key): found.get(key) for key in keys})
        await self._counts.load(connection, places)

    def _remember(self, touched: Iterable[Key]) -> None:
        """Keep the rows used last."""
        for key in touched:
            self._rows[key] = self._rows.pop(key)
        excess = len(self._rows) - REMEMBERED
        if excess > 0:
            for key in list(self._rows)[:excess]:
                del self._rows[key]


class _Batch:
    """One batch: what it changes, table by table. After `end` nothing of it changes any more."""

    def __init__(self, rows: dict[Key, Any], counts: Counts) -> None:
        self._rows, self._counts = rows, counts
        self.others: list[Any] = []
        self.rejected: list[Taken] = []
        self._events: list[EventRow] = []
        self._changes: list[tuple[Any, ...]] = []
        self._new: set[Key] = set()
        self._written: dict[int, tuple[list[Any], list[Any]]] = {}
        self._slots = Slots()
        self._members = Members()
        self._touched: dict[Key, None] = {}

    def take(self, key: Key, fact: Fact, record: Received) -> None:
        """Fold one event; one that is known already changes nothing."""
        version = fact.envelope.version
        if version > 0:
            row = self._rows[key]
            if row is not None and version <= row.version:
                return
            self._fold(key, row, fact)
        elif version < 0 or type(fact.body) is not CommandRefused:
            raise BrokenHistory(f"{key[1]}/{key[2]}: only a refusal stands outside a history")
        self._events.append(event_row(fact, record))

    def _fold(self, key: Key, row: Any, fact: Fact) -> None:
        """Fold the next event into its row."""
        kind, envelope = key[0], fact.envelope
        version, head = (row.version, row.head) if row else (0, GENESIS)
        if envelope.version != version + 1:
            raise BrokenHistory(f"{key[1]}/{key[2]} is at version {version}, but version {envelope.version} follows")
        if envelope.previous != head:
            raise BrokenHistory(f"{key[1]}/{key[2]}: version {envelope.version} does not name the hash of version {version}")
        self._rows[key] = after = VIEWS[kind].evolve(row, fact)
        self._touched[key] = None
        if row is None:
            self._new.add(key)
        if kind == _MIGRATION:
            if row is None or after.status != row.status:
                self._status_changed(row, after, fact.pos)
        elif kind == _CAPACITY:
            self._slots.take(fact)
        elif kind == _WAVE:
            self._members.take(fact, row, after)

    def _status_changed(self, row: Any, after: Any, pos: int) -> None:
        since, before = (row.status_since, row.status) if row else (pos, "")
        level = (pos - since).bit_length()
        self._changes.append((after.tenant, after.partition, level, pos, since, after.id, before, after.status))
        if row:
            self._counts.add(after.tenant, before, after.partition, pos, -1)
        self._counts.add(after.tenant, after.status, after.partition, pos, 1)

    def end(self) -> Iterable[Key]:
        """Take the rows as they are now; returns the keys of those that the batch changed."""
        for key in self._touched:
            new, changed = self._written.setdefault(key[0], ([], []))
            (new if key in self._new else changed).append(self._rows[key])
        self._counted = self._counts.taken()
        return self._touched

    async def write(self, connection: Connection) -> None:
        """Write all rows."""
        if self._events:
            await connection.copy_records_to_table("event", records=self._events, columns=list(EVENT_COLUMNS))
        for kind, (new, changed) in self._written.items():
            await insert(connection, VIEWS[kind], new)
            await update(connection, VIEWS[kind], changed)
        await self._slots.write(connection)
        await self._members.write(connection)
        if self._changes:
            await connection.copy_records_to_table("status_change", records=self._changes, columns=_CHANGE_COLUMNS)
        begun, changed = self._written.get(_MIGRATION, ([], []))
        found = [(row.tenant, term, row.requested_at, row.id) for row in begun for term in migration.terms(row)]
        if found:
            await connection.copy_records_to_table("migration_term", records=found, columns=_TERM_COLUMNS)
        await self._counted.save(connection)
        ended = [(row.tenant, row.id) for row in (*begun, *changed) if row.ended]
        await operations.store_letters(connection, [o for o in self.others if type(o) is DeadLetter], self.rejected)
        await operations.store_resolutions(connection, [o for o in self.others if type(o) is DeadLetterResolved])
        await operations.store_progress(connection, [o for o in self.others if type(o) is ProgressReported], ended)
