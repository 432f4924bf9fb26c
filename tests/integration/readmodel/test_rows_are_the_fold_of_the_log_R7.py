"""Whatever the batches, the rows are what folding the log one event at a time gives."""

from typing import Any

import pytest

from libs.readmodel.checking import check
from libs.readmodel.dump import dump
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.settings import Settings
from libs.runtime.sink import Pool
from libs.testing.log_writer import LogWriter
from tests.integration.readmodel.stories import wander

TOLD = {
    "event",
    "migration",
    "migration_term",
    "status_change",
    "status_count",
    "status_count_before",
    "delivery",
    "subscription",
    "capacity",
    "capacity_slot",
    "wave",
    "wave_member",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_rows_equal_the_independent_fold(
    seed: int, settings: Settings, pool: Pool, codec: Codec, writer: LogWriter, project: Any
) -> None:
    wander(writer, seed)
    schema = await project(max_batch=37)
    consumer = kafka.reader(settings.kafka)
    async with pool.acquire() as connection:
        assert await check(connection, consumer, codec, settings.prefix) == []
        rows = {name: digest.rows for name, digest in (await dump(connection, schema)).items()}
    consumer.close()
    assert rows["event"] == writer.events
    assert all(rows[table] for table in TOLD)


async def test_batches_do_not_show_in_the_bytes(settings: Settings, pool: Pool, writer: LogWriter, project: Any) -> None:
    wander(writer, 4)
    small = await project(f"{settings.prefix.replace('-', '_')}_small", max_batch=7)
    large = await project(f"{settings.prefix.replace('-', '_')}_large")
    async with pool.acquire() as connection:
        assert await dump(connection, small) == await dump(connection, large)


async def test_check_finds_a_row_that_is_wrong(settings: Settings, pool: Pool, codec: Codec, writer: LogWriter, project: Any) -> None:
    wander(writer, 5)
    schema = await project()
    async with pool.acquire() as connection:
        await connection.execute(f"UPDATE {schema}.migration SET status = 'testing' WHERE id = 'mig-1'")
        await connection.execute(f"UPDATE {schema}.status_count SET count = count + 1 WHERE status = 'planned'")
        await connection.execute(f"DELETE FROM {schema}.event WHERE kind = 2 AND pos = 0")
        await connection.execute(
            f"UPDATE {schema}.wave_member SET state = 'completed' WHERE tenant = 'acme' AND wave = 'w1' AND number = 0"
        )
        consumer = kafka.reader(settings.kafka)
        wrong = await check(connection, consumer, codec, settings.prefix)
        consumer.close()
    assert {one.table for one in wrong} == {"migration", "status_count", "event", "wave_member"}
    assert {one.key[1] for one in wrong if one.table == "migration"} == {"mig-1"}


async def test_a_rebuilt_generation_answers_for_what_the_domain_holds(
    settings: Settings, pool: Pool, writer: LogWriter, project: Any, read: Any
) -> None:
    from libs.readmodel.queries.migrations import one

    wander(writer, 6, migrations=30, steps=900)
    await project()
    async with read.snapshot() as snapshot:
        for (kind, tenant, id_), state in writer.states.items():
            row = await one(snapshot, tenant, id_) if kind == "migration" else None
            if row is not None:
                assert (row.version, row.mode, row.status, row.wake_at, row.work) == (
                    state.stream.version, state.mode, state.status, state.wake_at, state.pending,
                )  # fmt: skip
                assert state.mode == "archived" or (row.round, row.crossed) == (state.round, state.crossed)
