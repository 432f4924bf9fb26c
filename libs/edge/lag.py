"""How long the oldest undecided command has waited, so that no more are taken when commands could expire undecided (D10)."""

import asyncio
import time
from typing import NamedTuple

import structlog
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import Gauge

from libs.contracts.topics import AGGREGATES, commands_of
from libs.edge.problems import unavailable
from libs.runtime import kafka
from libs.runtime.clock import now_us

_log = structlog.get_logger()
LAG_AGE = Gauge("whimbrel_commands_lag_age_seconds", "Age of the oldest command that the validator has not decided")
LAG = Gauge("whimbrel_commands_lag_records", "Commands that the validator has not decided")
_EVERY_S = 3.0
_CALL_S = 10.0
_STALE_S = 25.0


class Lag(NamedTuple):
    """What one look found: commands undecided, and the age of the oldest in seconds."""

    records: int
    age_s: float


class LagGuard:
    """Looks at the validator's committed offsets every few seconds; also tells whether Kafka answers at all."""

    def __init__(self, bootstrap: str, prefix: str, limit_s: float) -> None:
        self._bootstrap, self._group, self._limit_s = bootstrap, f"{prefix}.validator", limit_s
        self._topics = [commands_of(prefix, name) for name in AGGREGATES]
        self._seen_at = float("-inf")
        self._age_s = 0.0

    @property
    def kafka_answers(self) -> bool:
        """Whether a look succeeded within the last seconds."""
        return time.monotonic() - self._seen_at < _STALE_S

    def check(self) -> None:
        """Raise HttpProblem 503 while commands wait too long."""
        if self._age_s > self._limit_s:
            raise unavailable("validator_behind", 60)

    async def run(self) -> None:
        """Look again and again until cancelled."""
        admin = self._admin()
        reader = kafka.reader(self._bootstrap, **{"group.id": "whimbrel-lag", "fetch.wait.max.ms": 50})
        while True:
            try:
                lag = await asyncio.to_thread(self.look, admin, reader)
                self._age_s, self._seen_at = lag.age_s, time.monotonic()
                LAG.set(lag.records)
                LAG_AGE.set(lag.age_s)
            except (KafkaException, TimeoutError) as error:
                _log.warning("cannot look at the validator's lag", error=f"{type(error).__name__}: {error}")
                # A client that has asked a coordinator before an outage may wait for it for ever afterwards; a new one does not.
                admin = self._admin()
            await asyncio.sleep(_EVERY_S)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self._bootstrap})

    def look(self, admin: AdminClient, reader: Consumer) -> Lag:
        """Ask Kafka once. Raises KafkaException when it does not answer."""
        places = [(topic, n) for topic in self._topics for n in range(kafka.partition_count(admin, topic))]
        edges = {place: reader.get_watermark_offsets(TopicPartition(*place), timeout=_CALL_S) for place in places}
        request = ConsumerGroupTopicPartitions(self._group, [TopicPartition(topic, n) for topic, n in places])
        answer = admin.list_consumer_group_offsets([request], request_timeout=_CALL_S)[self._group].result(_CALL_S)
        committed = {(p.topic, p.partition): p.offset for p in answer.topic_partitions or ()}
        next_ = {place: max(committed.get(place, -1), edges[place][0]) for place in places}
        behind = {place: offset for place, offset in next_.items() if offset < edges[place][1]}
        return Lag(sum(edges[place][1] - offset for place, offset in behind.items()), _oldest(reader, behind) if behind else 0.0)


def _oldest(reader: Consumer, behind: dict[tuple[str, int], int]) -> float:
    """Age of the oldest of the records at these places, in seconds; 0 when none is left to read."""
    reader.assign([TopicPartition(topic, n, offset) for (topic, n), offset in behind.items()])
    left, oldest, until = set(behind), 0.0, time.monotonic() + _CALL_S
    while left and time.monotonic() < until:
        message = reader.poll(0.1)
        if message is None or message.error() is not None:
            continue
        place = (message.topic() or "", message.partition() or 0)
        if place in left:
            left.discard(place)
            reader.pause([TopicPartition(*place)])
            oldest = max(oldest, now_us() / 1_000_000 - message.timestamp()[1] / 1_000)
    reader.unassign()
    return oldest
