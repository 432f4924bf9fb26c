"""Nobody asks, and yet a window opens and closes: the verifier wakes a capacity as it wakes a migration (D8, O22)."""

from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from libs.contracts import capacity as c
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.topics import commands_of, events_of
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.servers import SharedServers
from libs.testing.services import Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until

SECOND = 1_000_000
NAME = "calendar/prod"


def ask(stack: SharedServers, codec: Codec, prefix: str, *bodies: Any) -> None:
    producer = kafka.producer(stack.kafka)
    for number, body in enumerate(bodies):
        envelope = CommandEnvelope(
            command_id=f"command-{number}",
            tenant="acme",
            aggregate=NAME,
            environment="dev",
            actor="user-1",
            correlation_id="c-1",
            occurred_at=now_us(),
        )
        record = codec.command(commands_of(prefix, "capacity"), envelope, body, b"")
        producer.produce(commands_of(prefix, "capacity"), record.value, record.key, headers=record.headers)
    assert producer.flush(30) == 0


def test_a_window_opens_and_closes_by_itself_O22_D8(stack: SharedServers, prefix: str, tmp_path: Path) -> None:
    codec, topic = Codec(Registry(stack.registry), prefix, "test"), events_of(prefix, "capacity")
    reader = kafka.reader(stack.kafka)
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
    seen: list[Any] = []

    def told(kind: type[Any]) -> bool:
        message = reader.poll(0.2)
        if message is not None and message.error() is None:
            seen.append(codec.decode(topic, message.key(), message.value(), message.headers()))
        return bool(seen) and type(seen[-1].body) is kind

    with Services(environment_of(stack, prefix), tmp_path) as services:
        for service in [services.start("services.validator"), services.start("services.verifier")]:
            service.wait_ready()
        opens = now_us() + 3 * SECOND
        windows = (c.Interval(begins=opens, ends=opens + 2 * SECOND),)
        settings = c.CapacitySettings(windows=windows, on_close=c.PAUSE)
        ask(stack, codec, prefix, c.SetCapacity(settings=settings), c.AcquireSlot(holder="mig-7"))
        wait_until(lambda: told(c.SlotRevoked), "the slot is taken away when the window closes")
    reader.close()

    assert [type(event.body) for event in seen] == [c.CapacitySet, c.SlotQueued, c.SlotGranted, c.SlotRevoked]
    granted, revoked = seen[2].envelope, seen[3].envelope
    assert opens <= granted.recorded_at < opens + 2 * SECOND <= revoked.recorded_at
    assert granted.actor == revoked.actor == "service:verifier"
    assert granted.causation_id == f"acme/{NAME}/wake/{opens}"
