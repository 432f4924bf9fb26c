"""Lists: every filter and sort reads an index, pages neither repeat nor miss, cursors are bound to their query."""

import itertools
from typing import Any

import pytest

from benchmarks.query import _filled
from libs.readmodel import wiring
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.queries import notifications, operations
from libs.readmodel.queries.migrations import SORTS, Filter, _statuses, listed
from libs.readmodel.queries.selecting import Selection
from libs.readmodel.reading import ReadModel
from libs.runtime.settings import Settings
from libs.runtime.sink import Pool
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, plan_of
from tests.integration.readmodel.conftest import serving

SIZE = 100_000
ONE_BY_ONE: list[dict[str, Any]] = [
    {},
    {"status": ("failed",)},
    {"status": ("failed", "paused")},
    {"ended": False},
    {"ended": True},
    {"archived": True},
    {"status": ("archived",)},
    {"application": "app-7"},
    {"wave": "wave-7"},
    {"provider": "postgres"},
    {"labels": ("team=core",)},
    {"due_before": 1_700_000_000_050_000},
    {"search": "mig-0000"},
]
FILTERS = [{**first, **second} for first, second in itertools.combinations_with_replacement(ONE_BY_ONE, 2)]


async def test_no_filter_and_sort_scans_a_table(pool: Pool) -> None:
    read = await _filled(pool, SIZE)
    scans = []
    async with read.snapshot() as snapshot:
        for chosen, sort, after in itertools.product(
            FILTERS, SORTS, (None, [1_600_000_000_050_000, 1_600_000_000_050_000, "mig-00050000"])
        ):
            wanted = Filter(**chosen, sort=sort)
            after = ["text:mig-00001", *after[1:]] if after and wanted.search else after
            selection = Selection("acme", wanted, await _statuses(snapshot, "acme", wanted), after, None)
            sql = selection.sql(51)
            plan = [row[0] for row in await snapshot.connection.fetch(f"EXPLAIN {sql}", *selection._args)]
            scans += [(wanted, line) for line in plan if "Seq Scan" in line and "status_count" not in line]
    assert not scans


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (notifications._BY_STATUS.format(table="delivery", bound=""), "delivery_by_status"),
        (notifications._BY_STATUS.format(table="subscription", bound=""), "subscription_by_status"),
        (notifications._BY_COLUMN.format(table="delivery", column="migration", bound=""), "delivery_by_migration"),
        (notifications._BY_COLUMN.format(table="delivery", column="subscription", bound=""), "delivery_by_subscription"),
        (operations._WORK.format(table="migration"), "migration_with_work"),
        (operations._WORK.format(table="delivery"), "delivery_with_work"),
        (operations._LETTERS, "dead_letter_by_"),
    ],
)
async def test_other_lists_can_be_read_from_an_index(sql: str, index: str, settings: Settings, pool: Pool) -> None:
    schema = await wiring.prepared(pool, settings.prefix)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL search_path TO {schema}; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        statement = await connection.prepare(sql)
        values = {"text": "x", "text[]": ["x"], "int8": 1, "int4": 1, "_text": ["x"]}
        arguments = [values[parameter.name] for parameter in statement.get_parameters()]
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *arguments))
    assert "Seq Scan" not in plan
    assert f"using {index}" in plan or f"Backward using {index}" in plan


async def test_pages_neither_repeat_nor_miss_while_rows_come_in(settings: Settings, pool: Pool, writer: LogWriter, read: ReadModel) -> None:
    async with serving(settings, pool):
        for number in range(60):
            writer.request(
                "acme", f"mig-{number:03d}", plan_of(act("copy")), application=f"app-{number % 3}", labels={"n": str(number % 2)}
            )
        writer.flush()
        await _projected(read, 60)
        for wanted in (Filter(), Filter(sort="requested_at"), Filter(labels=("n=1",)), Filter(search="app"), Filter(application="app-1")):
            async with read.snapshot() as snapshot:
                expected = [row.id for row in (await listed(snapshot, "acme", wanted, limit=500)).rows]
            seen: list[str] = []
            cursor, first = "", True
            while cursor or first:
                async with read.snapshot() as snapshot:
                    page = await listed(snapshot, "acme", wanted, limit=7, cursor=cursor)
                seen, cursor, first = [*seen, *(row.id for row in page.rows)], page.cursor, False
                writer.request("acme", f"new-{writer.now}", plan_of(act("copy")), application="zz")
                writer.flush()
            assert [id_ for id_ in seen if id_.startswith("mig")] == [id_ for id_ in expected if id_.startswith("mig")]
            assert len(seen) == len(set(seen))


async def _projected(read: ReadModel, count: int) -> None:
    found = 0
    while found < count:
        async with read.snapshot() as snapshot:
            found = len((await listed(snapshot, "acme", Filter(), limit=500)).rows)


async def test_cursors_and_limits_that_do_not_fit_are_refused(
    settings: Settings, pool: Pool, writer: LogWriter, read: ReadModel, project: Any
) -> None:
    for number in range(5):
        writer.request("acme", f"mig-{number}", plan_of(act("copy")))
    writer.flush()
    await project()
    async with read.snapshot() as snapshot:
        cursor = (await listed(snapshot, "acme", Filter(), limit=2)).cursor
        assert cursor
        for tenant, wanted, given in (
            ("globex", Filter(), cursor),
            ("acme", Filter(wave="w1"), cursor),
            ("acme", Filter(), cursor[:-2] + "AA"),
            ("acme", Filter(), "%%%"),
            ("acme", Filter(), "ö"),
        ):
            with pytest.raises(InvalidQuery, match="cursor"):
                await listed(snapshot, tenant, wanted, cursor=given)
        for limit in (0, 501):
            with pytest.raises(InvalidQuery, match="limit"):
                await listed(snapshot, "acme", Filter(), limit=limit)
        with pytest.raises(InvalidQuery, match="sort"):
            await listed(snapshot, "acme", Filter(sort="wave"))
