"""Which migrations have a callback URL: learnt from the events as they pass, and after a restart from the migrations' states.

Only migrations with a callback URL that have not ended are remembered, so memory follows what is running, not history. After a
restart, events before the committed offset are not read again. Their migrations' latest states are: one pass over
`migration.state` of the partitions assigned finds every URL that may still be needed. Of ended migrations those are
kept whose end may lie ahead of the committed offset, that is, whose state is not older than the next event to match.
"""

from collections.abc import Callable, Iterable

import structlog
from confluent_kafka import Message, TopicPartition

from libs.contracts.avro import decode_value
from libs.contracts.migration.request import Request
from libs.contracts.topics import state_of
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.errors import Poison
from libs.runtime.received import received
from services.notifier.following import END_SEEN_MS, Follower, first_times

_log = structlog.get_logger()
URL_SIGN = b"://"
"""In the bytes of every record that holds an absolute URL: records without it are not decoded."""
CLOCKS_DIFFER_MS = 300_000
"""How much earlier than an event's record the record of the state after it may claim to be written."""
_ENDED = "ended"


class Callbacks:
    """Callback URLs by partition of `migration.events` and key."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec) -> None:
        self._bootstrap, self._topic, self._codec = bootstrap, state_of(prefix, "migration"), codec
        self.by_partition: dict[int, dict[bytes, str]] = {}

    def of(self, partition: int) -> dict[bytes, str]:
        """URLs of a partition's migrations; change it as events pass."""
        return self.by_partition.setdefault(partition, {})

    def __len__(self) -> int:
        return sum(map(len, self.by_partition.values()))

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget partitions."""
        for partition in partitions:
            self.by_partition.pop(partition, None)

    def restore(self, committed: list[TopicPartition], stopping: Callable[[], bool]) -> None:
        """Learn what events before these committed offsets told. A partition never read before needs nothing: its events will tell."""
        resumed = [place for place in committed if place.offset >= 0]
        if not resumed:
            return
        reader = kafka.reader(
            self._bootstrap, **{"enable.partition.eof": True, "queued.max.messages.kbytes": 1_024, "fetch.wait.max.ms": END_SEEN_MS}
        )
        try:
            times = first_times(reader, resumed, stopping)
        finally:
            reader.close()
        follower = Follower(self._bootstrap, self._topic, [place.partition for place in resumed])
        try:
            follower.catch_up(lambda message: self._learn(message, times), stopping)
        finally:
            follower.close()
        _log.info("callbacks restored", partitions=len(resumed), callbacks=len(self))

    def _learn(self, message: Message, times: dict[int, int]) -> None:
        record = received(message)
        urls, key = self.of(record.partition), record.key or b""
        urls.pop(key, None)
        if record.value is None or URL_SIGN not in record.value:
            return
        try:
            state = self._codec.decode(record.topic, key, record.value, record.headers).body
        except Poison as poison:
            _log.error("state cannot be read", topic=record.topic, partition=record.partition, offset=record.offset, detail=poison.detail)
            return
        if state.mode == _ENDED and message.timestamp()[1] < times[record.partition] - CLOCKS_DIFFER_MS:
            return
        url = decode_value(Request, state.request).callback_url
        if url:
            urls[key] = url
