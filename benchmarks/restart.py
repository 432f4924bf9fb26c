"""`restart`: seconds from killing the validator to its successor's next decision, with 100,000 live migrations."""

import time
from collections.abc import Sequence
from typing import Any

import psutil
from confluent_kafka import Producer, TopicPartition

from benchmarks.decide import commands
from benchmarks.report import DURABILITY, line
from benchmarks.rig import PARTITIONS, TRACE, Rig, rig
from deploy.embedded.stack import Stack
from libs.contracts.topics import state_of
from libs.domain.catalogue import DECIDERS
from libs.domain.policies import POLICIES
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import header
from libs.runtime.received import Received, received
from libs.runtime.transaction import Output
from services.validator.deciding import Deciding
from services.validator.partitioner import partition_of
from services.validator.policing import Policing
from services.validator.store import Store

AIM_S = 10.0
BATCH = 1_000


class _Nothing:
    """Restores nothing: the history is written here and now."""

    def restore(self, wanted: Sequence[tuple[Store, int]]) -> Output:
        for store, partition in wanted:
            store.load(partition, {})
        return Output((), ())


class _History:
    """Writes the history of migrations that are under way, by the validator's own handler, without a transaction each."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._producer: Producer = kafka.producer(rig.stack.kafka, **{"linger.ms": 50})
        policing = Policing(rig.codec, POLICIES, rig.prefix, PARTITIONS)
        self._handler = Deciding(rig.codec, _Nothing(), DECIDERS, rig.prefix, PARTITIONS, policing)
        self._handler.assigned([TopicPartition(rig.commands, partition) for partition in range(PARTITIONS)])
        self.states = 0

    def write(self, first: int, count: int) -> None:
        """Nine of ten commands of each lifecycle: the last step of every migration is still under way."""
        lifecycles = [commands(number) for number in range(first, first + count)]
        for stage in list(zip(*lifecycles, strict=True))[:-1]:
            batch = []
            for command in stage:
                record = self._rig.codec.command(self._rig.commands, command.envelope, command.body, TRACE)
                batch.append(
                    Received(self._rig.commands, partition_of(record.key, PARTITIONS), 0, record.key, record.value, record.headers)
                )
            self._produce(self._handler.handle(batch, now_us()))

    def _produce(self, output: Output) -> None:
        for topic, partition, record in (*output.first, *output.then):
            self._producer.produce(topic, record.value, record.key, partition, headers=record.headers)
        self.states += len(output.then)
        self._producer.flush()


def next_decision(rig: Rig, name: str, began: float) -> float:
    """Seconds from `began` until a new migration's first event is on the log."""
    tail = rig.tail(rig.events)
    producer = kafka.producer(rig.stack.kafka)
    record = rig.request(name)
    producer.produce(rig.commands, record.value, record.key, headers=record.headers)
    producer.flush()
    while True:
        for message in tail.consume(1_000, 0.02):
            if message.error() is None and header(received(message).headers, "ce_causationid") == name.encode():
                tail.close()
                return time.monotonic() - began


def run(stack: Stack, live: int = 112_000) -> dict[str, Any]:
    """Measure with at least 100,000 live migrations after at least 1,000,000 state updates."""
    with rig(stack) as ours:
        history = _History(ours)
        for first in range(0, live, BATCH):
            history.write(first, BATCH)
        validator = ours.services.start("services.validator")
        next_decision(ours, "warm", time.monotonic())
        validator.kill()
        began = time.monotonic()
        validator.start()
        seconds = next_decision(ours, "after", began)
        rss = psutil.Process(validator.pid).memory_info().rss
        on_disk = _retained(ours)
    return line(
        "restart",
        live,
        seconds,
        "s",
        AIM_S,
        limit_is="the aim of 10 s",
        live=live,
        state_updates=history.states,
        state_records_read=on_disk,
        rss_mib=round(rss / 2**20),
        durability=DURABILITY,
    )


def _retained(rig: Rig) -> int:
    """State records between the beginning and the end of the partitions: what compaction has left, at most."""
    reader = kafka.reader(rig.stack.kafka)
    edges = [reader.get_watermark_offsets(TopicPartition(state_of(rig.prefix, "migration"), p), timeout=10) for p in range(PARTITIONS)]
    reader.close()
    return sum(high - low for low, high in edges)
