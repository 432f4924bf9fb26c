"""A dead letter goes back to topics that anybody may write to, and only whole (D1, O13)."""

import itertools
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition

from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.dead_letters import KEY_KEPT, VALUE_KEPT, dead_letter
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.registry import Registry
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import migration

_offsets = itertools.count(1)
NOW = 1_796_083_200_000_000


def letter_of(world: World, tenant: str, topic: str, value: bytes | None, key: bytes | None = None) -> str:
    """Put a letter on the topic of dead letters and wait until the API knows it; returns its path."""
    offset = next(_offsets)
    message = Received(f"{world.prefix}.{topic}", 0, offset, key, value, [])
    codec = Codec(Registry(world.stack.registry), world.prefix, "test")
    record = dead_letter(codec, world.prefix, "test", message, Poison("undecodable", "not ours"), NOW, tenant)
    producer: Producer = kafka.producer(world.stack.kafka)
    producer.produce(f"{world.prefix}.dead-letters", record.value, record.key, headers=record.headers)
    assert producer.flush(20) == 0
    path = f"/v1/dead-letters/test_{message.topic}_0_{offset}"
    api = world.api(tenant)
    wait_until(lambda: api.get(path).status == 200, "the letter is known")
    return path


def end_of(world: World, topic: str) -> int:
    """Records that all partitions of a topic have had."""
    reader = kafka.reader(world.stack.kafka)
    places = reader.list_topics(f"{world.prefix}.{topic}", 10).topics[f"{world.prefix}.{topic}"].partitions
    ends = [reader.get_watermark_offsets(TopicPartition(f"{world.prefix}.{topic}", place), 10)[1] for place in places]
    reader.close()
    return sum(ends)


@pytest.mark.parametrize("topic", ["delivery.events", "subscription.state", "progress"])
def test_a_topic_with_one_owner_is_never_written_to_D1(world: World, topic: str) -> None:
    tenant = topic.replace(".", "-")
    path, before = letter_of(world, tenant, topic, b"\0\0\0\0\1x", f"{tenant}/a".encode()), end_of(world, topic)

    answers = [world.api(tenant).post(f"{path}/replay", body) for body in ({}, {"payload": migration()})]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [(409, "not_replayable")] * 2
    assert "discard" in answers[0].json["detail"]
    assert end_of(world, topic) == before


@pytest.mark.parametrize(
    ("tenant", "value", "key"), [("cut-value", b"x" * (VALUE_KEPT + 1), None), ("cut-key", b"{}", b"k" * (KEY_KEPT + 1))]
)
def test_what_was_cut_is_not_sent_again_O13(world: World, tenant: str, value: bytes, key: bytes | None) -> None:
    before = end_of(world, "delivery.commands")
    path = letter_of(world, tenant, "delivery.commands", value, key)

    answer = world.api(tenant).post(f"{path}/replay", {})

    assert (answer.status, answer.json["code"]) == (409, "not_replayable")
    assert "send it again" in answer.json["detail"]
    assert end_of(world, "delivery.commands") == before


def test_a_command_that_is_whole_is_sent_again_O13(world: World) -> None:
    before = end_of(world, "subscription.commands")
    path = letter_of(world, "whole", "subscription.commands", b"\0\0\0\0\1x", b"whole/a")

    answer: Any = world.api("whole").post(f"{path}/replay", {})

    assert (answer.status, answer.json["status"]) == (202, "replayed")
    assert end_of(world, "subscription.commands") > before
