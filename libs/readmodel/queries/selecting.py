"""The SQL of a list of migrations: which index drives it, what is filtered on the way, where the page begins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import asyncpg

from libs.readmodel.facts import text
from libs.readmodel.migration import words
from libs.runtime.sink import Connection

if TYPE_CHECKING:
    from libs.readmodel.queries.migrations import Filter

AFTER_ALL = "\U0010ffff"
_LEFT = """SELECT c.id FROM unnest({bounds}) WITH ORDINALITY AS b (bound, n) CROSS JOIN generate_series(1, 48) AS l (level)
CROSS JOIN LATERAL (SELECT c.id, c.status_from FROM status_change c WHERE c.tenant = $1 AND c.partition = b.n - 1 AND c.level = l.level
    AND c.pos >= b.bound AND c.pos < b.bound + (1::bigint << l.level) AND c.since < b.bound) c WHERE c.status_from = ANY({statuses})"""
"""Migrations whose status at the bound was one of those wanted and has changed since; see status_change."""

_PROBE = "SELECT m.* FROM migration m WHERE m.id = {id} AND {conditions} OFFSET 0"
"""One migration by its key. OFFSET 0 keeps the planner from turning probes into a scan."""


class Selection:
    """One page of ids with their sort keys. `bounds` (partitions and offsets) makes it a page as of then."""

    def __init__(
        self, tenant: str, wanted: "Filter", statuses: list[str] | None, after: list[Any] | None, bounds: tuple[list[int], list[int]] | None
    ) -> None:
        self._wanted, self._statuses, self._after = wanted, statuses, after
        self._args: list[Any] = [tenant]
        self._at = bounds
        self._sort = "search" if wanted.search else wanted.sort
        self._bounds = self._arg(_dense(*bounds), "bigint[]") if bounds is not None else ""
        self._status_array = self._arg(statuses, "text[]") if statuses is not None else ""
        self._known = "(SELECT array_agg(DISTINCT status) FROM status_count WHERE tenant = $1)"

    async def fetch(self, connection: Connection, count: int) -> list[asyncpg.Record]:
        """At most `count` rows of key, requested_at and id, in order."""
        sql = self.sql(count)
        found = await connection.fetch(sql, *self._args)
        if self._sort != "search":
            return found
        kept = [row for row in found if row["key"] == self._first_word(row)]
        if len(found) < count or len(kept) == count:
            return kept
        last = found[-1]
        place = [last["key"], last["requested_at"], last["id"]]
        rest = Selection(self._args[0], self._wanted, self._statuses, place, self._at)
        return [*kept, *await rest.fetch(connection, count - len(kept))]

    def _first_word(self, row: asyncpg.Record) -> str:
        beginning = f"text:{text(self._wanted.search.lower())}"
        return min(word for word in words(row["id"], row["application"], row["wave"]) if word.startswith(beginning))

    def sql(self, count: int) -> str:
        """The statement; its arguments grow with it."""
        limit = self._arg(count, "bigint")
        if self._sort == "search" or self._wanted.wave or (self._driving_term() and self._sort != "due_at"):
            return self._by_term(limit)
        if self._sort == "due_at":
            return self._by_due_date(limit)
        return self._by_status(limit)

    def _arg(self, value: Any, type_: str) -> str:
        self._args.append(value)
        return f"${len(self._args)}::{type_}"

    def _driving_term(self) -> str:
        wanted = self._wanted
        named = [("wave", wanted.wave), *(("label", label) for label in wanted.labels), ("provider", wanted.provider)]
        return next((text(f"{kind}:{value}") for kind, value in named if value), "")

    def _conditions(self, *, statuses: bool) -> str:
        """What holds of a row `m`, besides what the driving index says."""
        wanted, found = self._wanted, ["m.tenant = $1"]
        for column, value in (("application", wanted.application), ("wave", wanted.wave), ("provider", wanted.provider)):
            if value:
                found.append(f"m.{column} = {self._arg(text(value), 'text')}")
        for label in wanted.labels:
            term = self._arg(text(f"label:{label}"), "text")
            probe = f"x.tenant = $1 AND x.term = {term} AND x.requested_at = m.requested_at AND x.id = m.id"
            found.append(f"(SELECT true FROM migration_term x WHERE {probe})")  # noqa: S608 - not EXISTS, which may become a scan
        if wanted.due_before:
            found.append(f"m.due_at > 0 AND m.due_at < {self._arg(wanted.due_before, 'bigint')}")
        if self._bounds:
            found.append(f"m.requested_pos < ({self._bounds})[m.partition + 1]")
        if statuses and self._statuses is not None:
            found.append(self._in_status())
        return " AND ".join(found)

    def _in_status(self) -> str:
        present = f"m.status = ANY({self._status_array})"
        if not self._bounds:
            return present
        left = _LEFT.format(bounds=self._bounds, statuses=self._status_array)
        return f"(({present} AND m.status_since < ({self._bounds})[m.partition + 1]) OR m.id IN ({left}))"

    def _page(self, columns: Sequence[str], *, down: bool) -> tuple[str, str]:
        """Condition that begins the page, and its order."""
        order = ", ".join(f"{column}{' DESC' if down else ''}" for column in columns)
        if self._after is None:
            return "true", order
        values = self._after if len(columns) == 3 else [self._after[0], self._after[2]]
        types = ["text" if column.endswith(("id", "term")) else "bigint" for column in columns]
        given = ", ".join(self._arg(value, type_) for value, type_ in zip(values, types, strict=True))
        return f"({', '.join(columns)}) {'<' if down else '>'} ({given})", order

    def _by_term(self, limit: str) -> str:
        if self._sort == "search":
            beginning = f"text:{text(self._wanted.search.lower())}"
            low, high = self._arg(beginning, "text"), self._arg(beginning + AFTER_ALL, "text")
            range_, key = f"k.term >= {low} AND k.term < {high}", "k.term"
            page, order = self._page(("k.term", "k.requested_at", "k.id"), down=False)
        elif self._sort == "due_at":  # a wave is small enough to be sorted
            range_, key = f"k.term = {self._arg(self._driving_term(), 'text')} AND m.due_at > 0", "m.due_at"
            page, order = self._page(("m.due_at", "m.id"), down=False)
        else:
            range_, key = f"k.term = {self._arg(self._driving_term(), 'text')}", "k.requested_at"
            page, order = self._page(("k.requested_at", "k.id"), down=self._sort.startswith("-"))
        return (
            f"SELECT {key} AS key, k.requested_at, k.id, m.application, m.wave FROM migration_term k"  # noqa: S608 - made of constants
            f" CROSS JOIN LATERAL ({_PROBE.format(id='k.id', conditions=self._conditions(statuses=True))}) AS m"
            f" WHERE k.tenant = $1 AND {range_} AND {page} ORDER BY {order} LIMIT {limit}"
        )

    def _by_due_date(self, limit: str) -> str:
        page, order = self._page(("m.due_at", "m.id"), down=False)
        ended = "{false,true}" if self._bounds or self._wanted.ended is None else "{true}" if self._wanted.ended else "{false}"
        inner = f"m.ended = d.ended AND m.due_at > 0 AND {page} AND {self._conditions(statuses=True)}"
        return _merged(f"unnest('{ended}'::boolean[]) AS d (ended)", "m.due_at", inner, order, limit)

    def _by_status(self, limit: str) -> str:
        page, order = self._page(("m.requested_at", "m.id"), down=self._sort.startswith("-"))
        array = self._status_array or self._known
        inner = f"m.status = d.status AND {page} AND {self._conditions(statuses=False)}"
        if self._bounds and self._statuses is not None:
            inner += f" AND m.status_since < ({self._bounds})[m.partition + 1]"
        present = _merged(f"unnest({array}) AS d (status)", "m.requested_at", inner, order, limit)
        if not self._bounds or self._statuses is None:
            return present
        left = _LEFT.format(bounds=self._bounds, statuses=self._status_array)
        changed = (
            f"SELECT m.requested_at AS key, m.requested_at, m.id FROM ({left}) AS l"  # noqa: S608
            f" CROSS JOIN LATERAL ({_PROBE.format(id='l.id', conditions=self._conditions(statuses=False))}) AS m WHERE {page}"
        )
        return f"SELECT * FROM (({present}) UNION ALL ({changed})) AS m ORDER BY {order} LIMIT {limit}"  # noqa: S608


def _merged(parts: str, key: str, inner: str, order: str, limit: str) -> str:
    """The first rows of several index ranges, merged."""
    rows = f"SELECT {key} AS key, m.requested_at, m.due_at, m.id FROM migration m WHERE {inner} ORDER BY {order} LIMIT {limit}"  # noqa: S608
    return f"SELECT m.key, m.requested_at, m.id FROM {parts} CROSS JOIN LATERAL ({rows}) AS m ORDER BY {order} LIMIT {limit}"  # noqa: S608


def _dense(partitions: list[int], offsets: list[int]) -> list[int]:
    """Offsets indexed by partition."""
    found = dict(zip(partitions, offsets, strict=True))
    return [found.get(partition, 0) for partition in range(max(partitions, default=-1) + 1)]
