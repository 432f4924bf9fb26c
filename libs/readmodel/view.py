"""What a view of an aggregate is: a table of current rows, and the pure function that folds events into them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from libs.contracts.work import Work
from libs.readmodel.facts import Fact
from libs.runtime.errors import BrokenHistory
from libs.runtime.sink import Connection

T = TypeVar("T")
Works = tuple[Work, ...]
_TYPES: dict[Any, str] = {int: "bigint", str: "text", bool: "boolean", bytes: "bytea"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every current row has. Times are microseconds since the epoch by the log's clock (`recorded_at`)."""

    tenant: str
    id: str
    partition: int
    """Partition of the aggregate's topics."""
    requested_pos: int
    """Offset of its first event."""
    requested_at: int
    """When its first event was recorded."""
    version: int
    head: bytes
    """Hash of its last event, which the next one must name."""
    status: str
    updated_at: int
    """When its last event was recorded."""
    updated_event: str
    """Id of its last event."""


class View(NamedTuple):
    """One view. `json` names columns that hold JSON, `fixed` those that never change once the row is there,
    `seldom` large ones that are not stored anew where they are the same.

    `evolve` takes the row before (None before the first event) and an event, and returns the row after.
    """

    table: str
    row: type[Row]
    evolve: Callable[[Any, Fact], Any]
    json: frozenset[str]
    fixed: frozenset[str]
    seldom: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in the order of the row's fields."""
        return self.row.__struct_fields__


def following(changes: Mapping[type[Any], T], fact: Fact) -> T:
    """What a view does with an event of a row that is there. Raises BrokenHistory for one that only begins a row."""
    found = changes.get(type(fact.body))
    if found is None:
        raise BrokenHistory(f"{fact.envelope.tenant}/{fact.envelope.aggregate} begins a second time, with {type(fact.body).__name__}")
    return found


def pending(works: Works, work_id: str) -> Works:
    """Work in flight less one item."""
    return tuple([work for work in works if work.work_id != work_id])


def next_deadline(works: Works) -> int | None:
    """Earliest deadline of the work in flight."""
    return min([work.deadline for work in works]) if works else None


def row_from(view: View, record: Any) -> Any:
    """The row that a record of the view's table holds."""
    values = {column: record[column] for column in view.columns}
    if "work" in values:
        values["work"] = msgspec.json.decode(values["work"], type=Works)
    return view.row(**values)


def _values(columns: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these columns out of a row, each as its table takes it; `work`, if it is among them, is the last."""
    if columns[-1] != "work":
        return attrgetter(*columns)
    plain = attrgetter(*columns[:-1])
    return lambda row: (*plain(row), msgspec.json.encode(row.work).decode())


def _work_last(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(columns, key=lambda column: column == "work"))


async def load(connection: Connection, view: View, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Current rows of aggregates, by tenant and id."""
    sql = f"SELECT t.* FROM {view.table} t JOIN unnest($1::text[], $2::text[]) AS k (tenant, id) USING (tenant, id)"  # noqa: S608 - made of constants
    found = await connection.fetch(sql, [key[0] for key in keys], [key[1] for key in keys])
    return {(record["tenant"], record["id"]): row_from(view, record) for record in found}


async def insert(connection: Connection, view: View, rows: Sequence[Any]) -> None:
    """Add rows of aggregates that have none yet."""
    if rows:
        columns = _work_last(view.columns)
        await connection.copy_records_to_table(view.table, records=map(_values(columns), rows), columns=columns)


async def declare(connection: Connection, views: Iterable[View]) -> None:
    """Make the types that `update` names, for as long as the connection lasts; each connection that updates needs it once."""
    for view in views:
        change = _change(view)
        await connection.execute(f"CREATE TYPE {change.type} AS ({', '.join(change.fields)})")


async def update(connection: Connection, view: View, rows: Sequence[Any]) -> None:
    """Replace what may have changed in rows that are there."""
    if rows:
        change = _change(view)
        await connection.execute(change.sql, [change.values(row) for row in rows])


class _Change(NamedTuple):
    """How changed rows go to PostgreSQL: as one array of a row type of the connection's own. An array a column costs three times
    the CPU time, since asyncpg asks of every element whether it is an array itself.
    """

    type: str
    fields: list[str]
    sql: str
    values: Callable[[Any], tuple[Any, ...]]


@cache
def _change(view: View) -> _Change:
    columns = _work_last(["tenant", "id", *[column for column in view.columns if column not in view.fixed]])
    hints = get_type_hints(view.row)
    types = [_TYPES.get(hints[column], "bigint" if column in ("next_deadline", "archived_at") else "text") for column in columns]
    fields = [f"{column} {type_}" for column, type_ in zip(columns, types, strict=True)]
    type_ = f"pg_temp.{view.table}_change"
    sets = ", ".join(f"{column} = {_new(view, column)}" for column in columns[2:])
    sql = f"UPDATE {view.table} t SET {sets} FROM unnest($1::{type_}[]) AS n WHERE t.tenant = n.tenant AND t.id = n.id"  # noqa: S608 - made of constants
    return _Change(type_, fields, sql, _values(columns))


def _new(view: View, column: str) -> str:
    if column in view.seldom:
        # PostgreSQL keeps a large value where it is when the row is given the very same one.
        return f"CASE WHEN t.{column} = n.{column} THEN t.{column} ELSE n.{column} END"
    return f"n.{column}::json" if column in view.json else f"n.{column}"
