"""The limit that the benchmarks measure against: a bare transaction loop that reads, produces, commits, and does nothing else."""

import time
from collections.abc import Callable, Sequence

from confluent_kafka import Producer, TopicPartition

from benchmarks.rig import Rig
from libs.runtime import kafka
from libs.runtime.received import Received, received

STEPS = 8
BATCH = 2_000
BODY = b"x" * 200


def seconds_of(rig: Rig, topic: str, work: Callable[[Producer, Sequence[Received]], int], total: int) -> float:
    """Seconds from the first batch of a topic until `work`, which produces for a batch and returns how much it got done, reached `total`."""
    name = f"{rig.prefix}.bare"
    consumer, producer = kafka.consumer(rig.stack.kafka, name, 0), kafka.transactional(rig.stack.kafka, f"{name}-0")
    producer.init_transactions(60)
    consumer.subscribe([topic])
    done, began = 0, 0.0
    while done < total:
        first = consumer.poll(0.2)
        messages = [] if first is None else [first, *consumer.consume(BATCH - 1, 0)]
        batch = [received(message) for message in messages if message.error() is None]
        if not batch:
            continue
        began = began or time.monotonic()
        producer.begin_transaction()
        done += work(producer, batch)
        offsets = {(message.topic, message.partition): message.offset + 1 for message in batch}
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), 15)
        producer.commit_transaction(15)
    seconds = time.monotonic() - began
    consumer.close()
    return seconds


def eight_steps_per_second(rig: Rig, n: int) -> float:
    """Migrations a second whose eight steps are each read, and written as the next, on one topic."""
    topic = f"{rig.prefix}.intake"
    filler = kafka.producer(rig.stack.kafka)
    for number in range(n):
        filler.produce(topic, b"0" + BODY, str(number).encode())
    filler.flush()

    def step_on(producer: Producer, batch: Sequence[Received]) -> int:
        done = 0
        for message in batch:
            step = int((message.value or b"0")[:1]) + 1
            done += step == STEPS
            if step < STEPS:
                producer.produce(topic, str(step).encode() + BODY, message.key)
        return done

    return n / seconds_of(rig, topic, step_on, n)
