"""What benchmarks share: a stack on free ports, services as processes, a codec, commands to send, events to watch."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from deploy.embedded.stack import Stack
from libs.contracts.avro import schema_of
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.topics import commands_of, events_of
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec, Record
from libs.runtime.registry import Registry
from libs.testing.services import Services, environment_of

PARTITIONS = 4
TENANT = "bench"
TRACE = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
OPTIONS = '{"steps": 8}'
_numbers = itertools.count(1)


class Rig:
    """One prefix on one stack."""

    def __init__(self, stack: Stack, services: Services, prefix: str) -> None:
        self.stack, self.services, self.prefix = stack, services, prefix
        self.codec = Codec(Registry(stack.registry), prefix, "benchmark")
        self.commands = commands_of(prefix, "migration")
        self.events = events_of(prefix, "migration")

    def request(self, migration: str) -> Record:
        """The command that asks for one eight-step migration of no-op steps on the rehearsal provider."""
        request = Request(provider="rehearsal", application="bench", source="{}", target="{}", options=OPTIONS)
        return self.codec.command(self.commands, self.envelope(migration, migration), RequestMigration(request=request), TRACE)

    def envelope(self, migration: str, command_id: str) -> CommandEnvelope:
        """Envelope of a command to a migration of the bench's tenant."""
        return CommandEnvelope(
            command_id=command_id,
            tenant=TENANT,
            aggregate=migration,
            environment="dev",
            actor="bench",
            correlation_id=migration,
            occurred_at=now_us(),
        )

    def frame(self, kind: type[Any]) -> bytes:
        """The five bytes that a record of this type begins with."""
        return b"\0" + Registry(self.stack.registry).id_for(self.events, schema_of(kind)).to_bytes(4, "big")

    def ends(self, topic: str) -> list[TopicPartition]:
        """Where every partition of a topic ends now."""
        consumer = kafka.reader(self.stack.kafka)
        edges = [kafka.edges(consumer, topic, partition) for partition in range(PARTITIONS)]
        consumer.close()
        return [TopicPartition(topic, partition, end) for partition, (_, end) in enumerate(edges)]

    def tail(self, topic: str) -> Consumer:
        """A consumer that stands at the end of every partition of a topic."""
        return self.reader(self.ends(topic))

    def reader(self, places: list[TopicPartition]) -> Consumer:
        """A consumer that stands at these places."""
        consumer = kafka.reader(self.stack.kafka, **{"fetch.wait.max.ms": 20})
        consumer.assign(places)
        return consumer


@contextmanager
def rig(stack: Stack) -> Iterator[Rig]:
    """A fresh prefix: topics created, schemas registered; services started on it end with it."""
    prefix = f"bench{next(_numbers)}"
    kafka.create_topics(stack.kafka, prefix, PARTITIONS)
    Codec(Registry(stack.registry), prefix, "benchmark").register(prefix)
    with tempfile.TemporaryDirectory() as logs, Services(environment_of(stack, prefix, partitions=PARTITIONS), Path(logs)) as services:
        yield Rig(stack, services, prefix)
