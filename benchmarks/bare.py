"""The limit of `lifecycle`: a bare transaction loop that records eight steps of each migration and does nothing else."""

import time

from confluent_kafka import TopicPartition

from benchmarks.rig import Rig
from libs.runtime import kafka
from libs.runtime.received import received

STEPS = 8
BATCH = 2_000
BODY = b"x" * 200


def eight_steps_per_second(rig: Rig, n: int) -> float:
    """Migrations a second whose eight steps are each read, and written as the next, in transactions on one topic."""
    topic = f"{rig.prefix}.intake"
    filler = kafka.producer(rig.stack.kafka)
    for number in range(n):
        filler.produce(topic, b"0" + BODY, str(number).encode())
    filler.flush()
    consumer = kafka.consumer(rig.stack.kafka, f"{rig.prefix}.eight", 0)
    producer = kafka.transactional(rig.stack.kafka, f"{rig.prefix}.eight-0")
    producer.init_transactions(60)
    consumer.subscribe([topic])
    done, began = 0, 0.0
    while done < n:
        first = consumer.poll(0.2)
        messages = [] if first is None else [first, *consumer.consume(BATCH - 1, 0)]
        batch = [received(message) for message in messages if message.error() is None]
        if not batch:
            continue
        began = began or time.monotonic()
        producer.begin_transaction()
        for message in batch:
            step = int((message.value or b"0")[:1]) + 1
            done += step == STEPS
            if step < STEPS:
                producer.produce(topic, str(step).encode() + BODY, message.key)
        offsets = {(m.topic, m.partition): m.offset + 1 for m in batch}
        places = [TopicPartition(name, partition, offset) for (name, partition), offset in offsets.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), 15)
        producer.commit_transaction(15)
    seconds = time.monotonic() - began
    consumer.close()
    return n / seconds
