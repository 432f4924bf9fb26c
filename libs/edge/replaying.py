"""The stretch of the log between where a stream was cut and where the live one begins, read from Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator

from confluent_kafka import Consumer, KafkaError, TopicPartition

from libs.contracts.topics import events_of
from libs.edge.awaiting import Seen
from libs.edge.tail import decoded
from libs.readmodel.position import Position
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.received import received

MAX_RECORDS = 200_000
"""Records that a resumed stream may be behind; beyond it has to begin anew."""
_LIMIT_S = 60.0


def too_old(since: Position, until: Position) -> bool:
    """Whether the stretch is too long to read, or is none of this log's."""
    known = all(place in until and offset <= until[place] for place, offset in since.items())
    return not known or sum(until[place] - offset for place, offset in since.items()) > MAX_RECORDS


async def replay(bootstrap: str, prefix: str, codec: Codec, since: Position, until: Position, key_prefix: bytes) -> AsyncIterator[Seen]:
    """Events whose key begins so, from `since` to just before `until`. Raises TimeoutError when Kafka does not give them."""
    left = {place: until[place] for place, offset in since.items() if offset < until[place]}
    if not left:
        return
    reader = kafka.reader(bootstrap, **{"enable.partition.eof": True, "fetch.wait.max.ms": 50, "group.id": "whimbrel-replay"})
    topics = {events_of(prefix, aggregate): aggregate for aggregate, _ in left}
    reader.assign([TopicPartition(events_of(prefix, aggregate), n, since[aggregate, n]) for aggregate, n in left])
    deadline = time.monotonic() + _LIMIT_S
    try:
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError("the log did not give what was asked for in time")
            for seen in await asyncio.to_thread(_some, reader, codec, topics, left, key_prefix):
                yield seen
    finally:
        await asyncio.to_thread(reader.close)


def _some(reader: Consumer, codec: Codec, topics: dict[str, str], left: dict[tuple[str, int], int], key_prefix: bytes) -> list[Seen]:
    """What the client has now; removes from `left` the partitions that are read to their end."""
    found: list[Seen] = []
    for message in reader.consume(2_000, 0.1):
        aggregate, partition, offset = topics[message.topic() or ""], message.partition() or 0, message.offset() or 0
        place, error = (aggregate, partition), message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                left.pop(place, None)
            continue
        if offset >= left.get(place, 0):
            left.pop(place, None)
            continue
        if (message.key() or b"").startswith(key_prefix):
            seen = decoded(codec, aggregate, received(message))
            found += [seen] if seen else []
        if offset + 1 >= left[place]:
            del left[place]
    return found
