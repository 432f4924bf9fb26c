"""All services on real servers for the tests of the package, and a receiver of what is told; each test uses ids of its own."""

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from libs.edge.issuer import LocalIssuer
from libs.runtime.kafka import create_topics
from libs.testing.servers import SharedServers
from libs.testing.services import Service, Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until
from tests.integration.ingress.conftest import start_ingress
from tests.integration.ingress.http import Answer, Api
from tests.integration.notifier.receiving import Receiver, Request, receiving

SECRET = "whsec_" + base64.b64encode(b"a secret that only the tests know").decode()
TENANT = "acme"


class World(NamedTuple):
    """What runs, and how to reach it."""

    stack: SharedServers
    prefix: str
    issuer: LocalIssuer
    port: int
    receiver: Receiver
    migrator: Service
    data_dir: Path

    @property
    def operator(self) -> Api:
        """Who asks for migrations and operates them."""
        return Api(self.port, self.issuer.issue(TENANT, "u-1", ("operator",)))

    @property
    def reporter(self) -> Api:
        """The other system."""
        return Api(self.port, self.issuer.issue(TENANT, "crm", ("reporter",)))

    def ask(self, id_: str, *steps: dict[str, Any], **destination: Any) -> str:
        """Ask for a migration of these steps, told at /<id> of the receiver unless another destination is named; its id."""
        told = destination or {"webhook": {"url": self.receiver.url(f"/{id_}"), "secret": "env:TEST_WEBHOOK_SECRET"}}
        body = {
            "migrationId": id_,
            "appName": "crm",
            "environment": "dev",
            "provider": "external",
            "source": {"old": 1},
            "target": {"new": 2},
        }
        answer = self.operator.post("/v1/migrations", body | {"options": {**told, "steps": list(steps)}})
        assert answer.status == 202, answer.json
        return id_

    def told(self, id_: str, count: int = 1) -> list[Request]:
        """The first `count` messages about a migration, in order, once they are there; each verified as a receiver does."""
        wait_until(lambda: len(self.receiver.at(f"/{id_}")) >= count, f"{count} messages about {id_}")
        found = self.receiver.at(f"/{id_}")[:count]
        for request in found:
            request.verify(SECRET)
        return found

    def report(self, told: Request | dict[str, Any], outcome: str = "succeeded", **more: Any) -> Answer:
        """Answer a message."""
        data = told["data"] if isinstance(told, dict) else told.body["data"]
        return self.reporter.post(data["report"], {"attempt": data["attempt"], "ticket": data["ticket"], "outcome": outcome, **more})

    def status(self, id_: str) -> str:
        """Status of a migration; empty before it is known."""
        answer = self.operator.get(f"/v1/migrations/{id_}")
        return str(answer.json["status"]) if answer.status == 200 else ""

    def wait_for(self, id_: str, status: str) -> None:
        """Return once the migration has that status."""
        wait_until(lambda: self.status(id_) == status, f"{id_} is {status}")

    def events(self, id_: str) -> list[dict[str, Any]]:
        """The history of a migration."""
        items: list[dict[str, Any]] = self.operator.get(f"/v1/migrations/{id_}/timeline?limit=500").json["items"]
        return items


def act(name: str, **settings: Any) -> dict[str, Any]:
    """A step that can be undone."""
    return {"name": name, "phase": "preparing", "compensation": f"Undo {name}.", "backoff_ms": 10, **settings}


def message_of(value: bytes) -> dict[str, Any]:
    """A message from Kafka."""
    found: dict[str, Any] = json.loads(value)
    return found


@pytest.fixture(scope="package")
def world(stack: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    prefix, data_dir = f"ext{os.getpid()}", tmp_path_factory.mktemp("external")
    create_topics(stack.kafka, prefix, PARTITIONS)
    environment = environment_of(stack, prefix) | {
        "WHIMBREL_DATA_DIR": str(data_dir),
        "TEST_WEBHOOK_SECRET": SECRET,
        "WHIMBREL_DEFAULT_TENANT": "acme",
    }
    with receiving(time.monotonic) as receiver, Services(environment, tmp_path_factory.mktemp("logs")) as services:
        started = [services.start(f"services.{name}") for name in ("validator", "verifier", "projector")]
        migrator = services.start("services.migrator", WHIMBREL_WORK_LIMIT="1")
        _, port = start_ingress(services, data_dir)
        for service in (*started, migrator):
            service.wait_ready()
        yield World(stack, prefix, LocalIssuer(data_dir), port, receiver, migrator, data_dir)
