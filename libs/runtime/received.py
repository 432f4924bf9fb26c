"""A Kafka message as the loops hand it on: the client's accessors read once, with the types they really have."""

from typing import NamedTuple

from confluent_kafka import Message

from libs.runtime.codec import Headers


class Received(NamedTuple):
    """One record read from Kafka, and where."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def received(message: Message) -> Received:
    """A message that carries no error."""
    return Received._make((message.topic(), message.partition(), message.offset(), message.key(), message.value(), message.headers() or []))
