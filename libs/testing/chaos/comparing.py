"""Whether the projector's rows are the fold of the log, once it has read all of it (R4, R7)."""

import asyncio
import time

from libs.readmodel.checking import check
from libs.readmodel.wiring import EOF, open_pool
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.sink import Connection
from libs.testing.chaos.recording import ends

CATCH_UP_S = 120.0
_POSITIONS = """SELECT p.partition, p.next_offset FROM whimbrel.reader_position p JOIN whimbrel.generation g ON g.live = p.reader
WHERE g.prefix = $1 AND p.topic = $2"""


def differences(dsn: str, bootstrap: str, prefix: str, codec: Codec, partitions: int) -> list[str]:
    """What rows and log do not agree on, one sentence each; also that the projector does not catch up."""
    topic = f"{prefix}.migration.events"
    return asyncio.run(_compare(dsn, bootstrap, prefix, codec, topic, ends(bootstrap, topic, partitions)))


async def _compare(dsn: str, bootstrap: str, prefix: str, codec: Codec, topic: str, until: dict[int, int]) -> list[str]:
    consumer = kafka.reader(bootstrap, **EOF)
    try:
        async with open_pool(dsn) as pool, pool.acquire() as connection:
            deadline = time.monotonic() + CATCH_UP_S
            while behind := await _behind(connection, prefix, topic, until):
                if time.monotonic() > deadline:
                    return [f"the projector is behind: {behind}"]
                await asyncio.sleep(0.2)
            return [str(wrong) for wrong in await check(connection, consumer, codec, prefix)]
    finally:
        consumer.close()


async def _behind(connection: Connection, prefix: str, topic: str, until: dict[int, int]) -> dict[int, int]:
    """Partitions that are not read to the end, and how many offsets are missing; the last may be a transaction's marker."""
    stored: dict[int, int] = {row[0]: row[1] for row in await connection.fetch(_POSITIONS, prefix, topic)}
    return {partition: end - stored.get(partition, 0) for partition, end in until.items() if end - stored.get(partition, 0) > 1}
