"""Whether the rows are what the log says: the log folded once more, one event at a time and in memory, and compared (R4, R7).

Shares with the projector only the pure `evolve` functions: no batches, no remembered rows, no offsets.
"""

import hashlib
from collections import Counter
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from libs.contracts.envelope import GENESIS
from libs.contracts.refusal import CommandRefused
from libs.domain.wave.views import standing_of
from libs.readmodel import generations
from libs.readmodel.facts import KINDS, fact_of, text
from libs.readmodel.projecting import VIEWS, usable
from libs.readmodel.view import row_from
from libs.readmodel.wave import state_of
from libs.runtime.codec import Codec
from libs.runtime.errors import BrokenHistory, Poison
from libs.runtime.received import received
from libs.runtime.sink import Connection

_POSITIONS = "SELECT topic, partition, next_offset FROM whimbrel.reader_position WHERE reader = $1 AND topic LIKE '%.events'"


class Wrong(NamedTuple):
    """Something that rows and log do not agree on."""

    table: str
    key: tuple[Any, ...]
    rows: str
    log: str


class _Fold:
    """The log, folded."""

    def __init__(self, prefix: str, codec: Codec) -> None:
        self._codec = codec
        self._kinds = {f"{prefix}.{name}.events": number for name, number in KINDS.items()}
        self.rows: dict[tuple[int, str, str], Any] = {}
        self.events: dict[tuple[int, int, int], bytes] = {}

    def take(self, message: Any) -> None:
        record = received(message)
        kind = self._kinds[record.topic]
        try:
            fact = fact_of(record, kind, self._codec.decode(record.topic, record.key, record.value, record.headers))
        except Poison:
            return
        key = (kind, fact.envelope.tenant, fact.envelope.aggregate)
        row = self.rows.get(key)
        follows = (row.version + 1, row.head) if row else (1, GENESIS)
        outside = fact.envelope.version < 1 and type(fact.body) is not CommandRefused
        if outside or not usable(record.key) or (fact.envelope.version and (fact.envelope.version, fact.envelope.previous) != follows):
            return
        if fact.envelope.version:
            try:
                self.rows[key] = VIEWS[kind].evolve(row, fact)
            except BrokenHistory:
                return
        self.events[kind, fact.partition, fact.pos] = hashlib.sha256((record.value or b"")[5:]).digest()


async def check(connection: Connection, consumer: Consumer, codec: Codec, prefix: str) -> list[Wrong]:
    """What is wrong with the live rows of a prefix, given a consumer of its own outside any group. Reads the whole log."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        schema = await connection.fetchval("SELECT live FROM whimbrel.generation WHERE prefix = $1", prefix)
        await generations.use(connection, schema)
        until = {(row[0], row[1]): row[2] for row in await connection.fetch(_POSITIONS, schema)}
        fold = _Fold(prefix, codec)
        _read(consumer, until, fold)
        found = [*await _events(connection, fold), *await _rows(connection, fold), *await _counts(connection, fold)]
        return [*found, *await _members(connection, fold)]


def _read(consumer: Consumer, until: dict[tuple[str, int], int], fold: _Fold) -> None:
    left = {place for place, end in until.items() if end}
    consumer.assign([TopicPartition(*place, 0) for place in left])
    while left:
        for message in consumer.consume(5_000, 1.0):
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if error is None and (message.offset() or 0) < until[place]:
                fold.take(message)
            if (message.offset() or 0) >= until[place] - 1:
                left.discard(place)
    consumer.unassign()


async def _events(connection: Connection, fold: _Fold) -> list[Wrong]:
    found: list[Wrong] = []
    left = dict(fold.events)
    async for row in connection.cursor("SELECT kind, partition, pos, record FROM event", prefetch=5_000):
        logged = left.pop((row[0], row[1], row[2]), None)
        stored = hashlib.sha256(row[3]).digest()
        if stored != logged:
            found.append(Wrong("event", (row[0], row[1], row[2]), stored.hex(), logged.hex() if logged else "nothing"))
    return [*found, *(Wrong("event", key, "nothing", logged.hex()) for key, logged in left.items())]


async def _rows(connection: Connection, fold: _Fold) -> list[Wrong]:
    found: list[Wrong] = []
    left = dict(fold.rows)
    for kind, view in VIEWS.items():
        async for record in connection.cursor(f"SELECT * FROM {view.table}", prefetch=5_000):  # noqa: S608 - made of constants
            row = row_from(view, record)
            logged = left.pop((kind, row.tenant, row.id), None)
            if row != logged:
                found.append(Wrong(view.table, (row.tenant, row.id), repr(row), repr(logged)))
    return [*found, *(Wrong(VIEWS[key[0]].table, key[1:], "nothing", repr(row)) for key, row in left.items())]


async def _counts(connection: Connection, fold: _Fold) -> list[Wrong]:
    counted = Counter((row.tenant, row.status, row.partition) for key, row in fold.rows.items() if key[0] == KINDS["migration"])
    stored = {
        (row[0], row[1], row[2]): row[3] for row in await connection.fetch("SELECT tenant, status, partition, count FROM status_count")
    }
    keys = [key for key in {*counted, *stored} if counted.get(key, 0) != stored.get(key, 0)]
    return [Wrong("status_count", key, str(stored.get(key, 0)), str(counted.get(key, 0))) for key in keys]


async def _members(connection: Connection, fold: _Fold) -> list[Wrong]:
    logged = {
        (row.tenant, row.id, number): (text(migration), state)
        for key, row in fold.rows.items()
        if key[0] == KINDS["wave"]
        for number, (migration, state) in enumerate(standing_of(state_of(row)))
    }
    found = await connection.fetch("SELECT tenant, wave, number, migration, state FROM wave_member")
    stored = {(row[0], row[1], row[2]): (row[3], row[4]) for row in found}
    keys = [key for key in {*logged, *stored} if logged.get(key) != stored.get(key)]
    return [Wrong("wave_member", key, repr(stored.get(key)), repr(logged.get(key))) for key in keys]
