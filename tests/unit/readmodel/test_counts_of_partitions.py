"""Counts go on from what is stored, whatever strangers wrote of the same aggregate to another partition (R7)."""

import asyncio
from typing import Any, cast

from libs.readmodel.projecting import Projector
from libs.runtime.batches import Taken
from libs.runtime.codec import Codec
from libs.runtime.received import Received
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import final, plan_of

STORED = 5_000


class Registry:
    def id_for(self, _: str, __: Any) -> int:
        return 1


class Producer:
    """Keeps the records that a writer of one migration makes."""

    def __init__(self) -> None:
        self.records: list[Received] = []

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, headers: Any, **_: Any) -> None:
        self.records.append(Received(topic, partition, len(self.records), key, value, headers))

    def poll(self, _: float) -> None:
        """Nothing is reported."""

    def flush(self, *_: float) -> int:
        return 0


class Rows:
    """Tables in which no migration stands, but counts do."""

    async def fetch(self, sql: str, tenants: list[str], others: list[Any]) -> list[Any]:
        if "status_count" not in sql:
            return []
        return [(tenant, "requested", partition, STORED, 0) for tenant, partition in zip(tenants, others, strict=True)]


def test_a_row_met_in_a_strangers_partition_is_counted_in_its_own() -> None:
    codec, producer, projector = Codec(cast(Any, Registry()), "x", "validator"), Producer(), Projector("x")
    LogWriter(codec, cast(Any, producer), "x", partitions=1).request("acme", "mig-1", plan_of(final("done")))
    first, second, *_ = producer.records

    def fold(record: Received) -> Any:
        taken = Taken(record, 0, codec.decode(*record[:1], *record[3:]))
        return projector.fold([taken], lambda work: asyncio.run(cast(Any, work(cast(Any, Rows())))))

    assert fold(second._replace(partition=1)).rejected
    assert [row[:4] for row in fold(first)._counted.now] == [("acme", "requested", 0, STORED + 1)]
