"""Validator, verifier, migrator and notifier on real servers, commands to them, and what Kafka holds afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from libs.contracts.envelope import CommandEnvelope, key_of
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.subscription import CreateSubscription, Interest
from libs.contracts.topics import commands_of
from libs.edge.signing import Secrets, SigningSettings, load_secrets
from libs.runtime import kafka
from libs.runtime.clock import new_id, new_traceparent, now_us
from libs.runtime.codec import Codec, Decoded
from libs.runtime.received import received
from libs.runtime.registry import Registry
from libs.runtime.settings import load
from libs.testing.servers import SharedServers
from libs.testing.services import Service, Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until
from tests.integration.notifier.receiving import Receiver, receiving


class Found(NamedTuple):
    """A record of the log, decoded."""

    key: bytes
    partition: int
    decoded: Decoded

    @property
    def body(self) -> Any:
        """Its message."""
        return self.decoded.body


class World:
    """What runs, and how to reach it."""

    def __init__(
        self, stack: SharedServers, prefix: str, secrets: Secrets, services: Services, notifier: Service, receiver: Receiver
    ) -> None:
        self.secrets, self.services, self.notifier, self.receiver = secrets, services, notifier, receiver
        self.kafka, self.prefix = stack.kafka, prefix
        self._codec = Codec(Registry(stack.registry), prefix, "test")
        self._producer = kafka.producer(stack.kafka)

    def send(self, aggregate: str, tenant: str, id_: str, body: Any) -> str:
        """Send a command; returns its trace context."""
        topic, trace = commands_of(self.prefix, aggregate), new_traceparent()
        envelope = CommandEnvelope(
            command_id=new_id(), tenant=tenant, aggregate=id_, environment="dev", actor="u-1", correlation_id=new_id(), occurred_at=now_us()
        )
        record = self._codec.command(topic, envelope, body, trace.encode())
        self._producer.produce(topic, record.value, record.key, headers=record.headers)
        assert self._producer.flush(10) == 0
        return trace

    def subscribe(self, tenant: str, id_: str, path: str, *types: str, receiver: Receiver | None = None) -> None:
        """Subscribe and wait until it is on the log."""
        url = (receiver or self.receiver).url(path)
        self.send("subscription", tenant, id_, CreateSubscription(interest=Interest(url=url, event_types=types)))
        wait_until(lambda: self.state("subscription", tenant, id_) is not None, f"{tenant}/{id_} is subscribed")

    def migrate(self, tenant: str, id_: str, *, callback: str = "", approval: bool = False, **options: Any) -> str:
        """Ask for a rehearsal of three steps unless told otherwise."""
        request = Request(
            provider="rehearsal",
            application="billing",
            source="{}",
            target="{}",
            options=orjson.dumps({"steps": 3, **options}).decode(),
            callback_url=self.receiver.url(callback) if callback else "",
            approval=approval,
        )
        return self.send("migration", tenant, id_, RequestMigration(request=request))

    def state(self, aggregate: str, tenant: str, id_: str) -> Any:
        """The latest state of an aggregate; None when there is none."""
        key = key_of(tenant, id_)
        return next((found.body for found in reversed(self.records(f"{aggregate}.state")) if found.key == key), None)

    def records(self, topic: str, tenant: str = "") -> list[Found]:
        """Everything on a topic so far, of one tenant if named."""
        name = f"{self.prefix}.{topic}"
        reader = kafka.reader(self.kafka, **{"enable.partition.eof": True, "fetch.wait.max.ms": 10})
        reader.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        found, open_ = [], set(range(PARTITIONS))
        while open_:
            for message in reader.consume(1_000, 0.1):
                error = message.error()
                if error is None:
                    record = received(message)
                    if (record.key or b"").startswith(f"{tenant}/".encode() if tenant else b""):
                        decoded = self._codec.decode(name, record.key, record.value, record.headers)
                        found.append(Found(record.key or b"", record.partition, decoded))
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_.discard(message.partition())
        reader.close()
        return found


@contextmanager
def running(stack: SharedServers, prefix: str, directory: Path, clock: Any) -> Iterator[World]:
    """The services on a prefix whose topics exist."""
    data = {"WHIMBREL_DATA_DIR": str(directory / "data"), "WHIMBREL_ENVIRONMENT": "dev"}
    with Services(environment_of(stack, prefix) | data, directory) as services, receiving(clock) as receiver:
        names = ("validator", "verifier", "migrator", "notifier")
        started = {name: services.start(f"services.{name}") for name in names}
        for service in started.values():
            service.wait_ready()
        secrets = load_secrets(load(SigningSettings, data_dir=directory / "data", environment="dev"))
        yield World(stack, prefix, secrets, services, started["notifier"], receiver)
