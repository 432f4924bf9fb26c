"""While the broker is away a service says that it is not ready, goes on living, and is ready again by itself."""

from pathlib import Path

import pytest

from deploy.embedded.ports import UNHELD, free_port
from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics
from libs.testing.kafka_proxy import KafkaProxy
from libs.testing.services import Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until

SERVICES = ("validator", "migrator", "verifier", "notifier", "projector")


@pytest.mark.timeout(300)
def test_readiness_follows_the_broker_and_liveness_does_not_R3(tmp_path: Path) -> None:
    with Stack.ephemeral(kafka_short_lived=True, kafka_proxy_ports=(free_port(UNHELD),)) as stack:
        create_topics(stack.kafka, "ready", PARTITIONS)
        _follow(stack, tmp_path)


def _follow(stack: Stack, logs: Path) -> None:
    [(port, upstream)] = stack.kafka_proxied.items()
    with Services(environment_of(stack, "ready", kafka=f"127.0.0.1:{port}"), logs) as services:
        with KafkaProxy(port, upstream):
            running = [services.start(f"services.{name}").wait_ready() for name in SERVICES]
            lives = [service.pid for service in running]
        wait_until(lambda: not any(service.ready() for service in running), "no service is ready without a broker")
        assert [service.pid for service in running if service.exit_code() is None] == lives
        with KafkaProxy(port, upstream):
            wait_until(lambda: all(service.ready() for service in running), "all are ready again", 120)
            assert [service.pid for service in running] == lives
