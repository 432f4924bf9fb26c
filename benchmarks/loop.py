"""`loop`: the validator beside a bare transaction loop that reads the same commands, decodes and encodes each, and writes the
same number and bytes of records."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Producer, TopicPartition

from benchmarks.bare import seconds_of
from benchmarks.decide import commands
from benchmarks.report import DURABILITY, line
from benchmarks.rig import PARTITIONS, TRACE, Rig, rig
from deploy.embedded.stack import Stack
from libs.contracts.topics import state_of
from libs.runtime import kafka
from libs.runtime.codec import Headers
from libs.runtime.received import Received, received


def fill(rig: Rig, n: int) -> int:
    """Put all commands of `n` lifecycles on the topic, interleaved as they would arrive; returns how many."""
    producer = kafka.producer(rig.stack.kafka, **{"linger.ms": 50})
    lifecycles = [commands(number) for number in range(n)]
    for stage in zip(*lifecycles, strict=True):
        for command in stage:
            record = rig.codec.command(rig.commands, command.envelope, command.body, TRACE)
            producer.produce(rig.commands, record.value, record.key, headers=record.headers)
        producer.flush()
    return n * len(lifecycles[0])


def sizes(rig: Rig, topic: str) -> tuple[int, int, Headers]:
    """How many records a topic holds, their mean value size, and the headers of one."""
    consumer = kafka.reader(rig.stack.kafka)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    count, size, headers = 0, 0, Headers()
    idle = 0
    while idle < 10:
        messages = [received(m) for m in consumer.consume(10_000, 0.2) if m.error() is None]
        idle = 0 if messages else idle + 1
        for message in messages:
            count, size, headers = count + 1, size + len(message.value or b""), message.headers
    consumer.close()
    return count, size // max(count, 1), headers


def validator_seconds(rig: Rig, total: int) -> float:
    """Seconds from the first event to the last committed offset of the commands."""
    tail = rig.tail(rig.events)
    began, ended = 0.0, 0
    rig.services.start("services.validator")
    while ended < total // 10:
        for message in tail.consume(10_000, 0.05):
            if message.error() is None:
                began = began or time.monotonic()
                ended += dict(received(message).headers).get("ce_type") == b"whimbrel.migration.MigrationCompleted"
    seconds = time.monotonic() - began
    tail.close()
    return seconds


def bare_seconds(rig: Rig, total: int, outputs: list[tuple[str, bytes, Headers, float]]) -> float:
    """The same commands through poll, decode, encode, produce, offsets, commit and nothing else."""
    owed = defaultdict[str, float](float)

    def write_as_much(producer: Producer, batch: Sequence[Received]) -> int:
        for message in batch:
            decoded = rig.codec.decode(message.topic, message.key, message.value, message.headers)
            rig.codec.command(rig.commands, decoded.envelope, decoded.body, TRACE)
            for topic, value, headers, each in outputs:
                owed[topic] += each
                while owed[topic] >= 1:
                    owed[topic] -= 1
                    producer.produce(topic, value, message.key, message.partition, headers=headers)
        return len(batch)

    return seconds_of(rig, rig.commands, write_as_much, total)


def run(stack: Stack, n: int = 5_000) -> dict[str, Any]:
    """Measure both on one stack, one after the other, on topics of their own."""
    with rig(stack) as real, rig(stack) as bare:
        total = fill(real, n)
        fill(bare, n)
        validator = validator_seconds(real, total)
        outputs = []
        for name in (real.events, state_of(real.prefix, "migration")):
            count, size, headers = sizes(real, name)
            outputs.append((name.replace(real.prefix, bare.prefix, 1), b"x" * size, headers, count / total))
        limit = bare_seconds(bare, total, outputs)
    per_command = {topic.split(".", 1)[1]: round(each, 2) for topic, _, _, each in outputs}
    return line("loop", total, total / validator, "commands/s", total / limit, records_per_command=per_command, durability=DURABILITY)
