"""One ingress, validator and projector on real servers for all tests of the package; each test uses ids and tenants of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import pytest

from deploy.embedded.ports import free_port, get
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.topics import commands_of
from libs.edge.issuer import LocalIssuer
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.servers import SharedServers
from libs.testing.services import Service, Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until
from tests.integration.ingress.http import Api


class World(NamedTuple):
    """What runs, and how to reach it."""

    stack: SharedServers
    prefix: str
    issuer: LocalIssuer
    port: int
    ingress: Service
    services: Services
    data_dir: Path

    def api(self, tenant: str, *roles: str, subject: str = "u-1", **claims: object) -> Api:
        """A client of a tenant with a token of these roles (admin when none is named)."""
        return Api(self.port, self.issuer.issue(tenant, subject, roles or ("admin",), **claims))

    def send(self, kind: str, tenant: str, aggregate: str, *bodies: Any) -> None:
        """Write commands to the log, as other processes than ingress do."""
        producer, topic = kafka.producer(self.stack.kafka), commands_of(self.prefix, kind)
        codec = Codec(Registry(self.stack.registry), self.prefix, "test")
        for body in bodies:
            envelope = CommandEnvelope(
                command_id=token_hex(8),
                tenant=tenant,
                aggregate=aggregate,
                environment="dev",
                actor="policy:test",
                correlation_id="c-1",
                occurred_at=now_us(),
            )
            record = codec.command(topic, envelope, body, b"")
            producer.produce(topic, record.value, record.key, headers=record.headers)
        assert producer.flush(30) == 0


def start_ingress(services: Services, data_dir: Path, slot: int = 0, **environment: str) -> tuple[Service, int]:
    """One more ingress, ready; and its port."""
    port = free_port()
    service = services.start("services.ingress", slot, WHIMBREL_HTTP_PORT=str(port), WHIMBREL_DATA_DIR=str(data_dir), **environment)

    def ready() -> bool:
        assert service.exit_code() is None, service.log.read_text()[-2_000:]
        answer = get(port, "/readyz")
        return answer is not None and answer[0] == 200

    wait_until(ready, f"ingress {slot} is ready")
    return service, port


@pytest.fixture(scope="package")
def world(stack: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    prefix, data_dir = f"edge{os.getpid()}", tmp_path_factory.mktemp("edge")
    kafka.create_topics(stack.kafka, prefix, PARTITIONS)
    issuer = LocalIssuer(data_dir)
    with Services(environment_of(stack, prefix), tmp_path_factory.mktemp("logs")) as services:
        validator, projector = services.start("services.validator"), services.start("services.projector")
        ingress, port = start_ingress(services, data_dir)
        validator.wait_ready()
        projector.wait_ready()
        yield World(stack, prefix, issuer, port, ingress, services, data_dir)


@pytest.fixture(scope="module")
def workers(world: World) -> Iterator[None]:
    """Those who plan and carry out, for as long as a module runs."""
    started = [world.services.start("services.migrator"), world.services.start("services.verifier")]
    for service in started:
        service.wait_ready()
    yield
    for service in started:
        service.stop()
