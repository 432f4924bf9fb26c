"""More PostgreSQL servers and a Kafka listener for a proxy, in the ephemeral stack that tests use."""

import subprocess
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.install import install
from deploy.embedded.ports import UNHELD, free_port
from deploy.embedded.stack import Stack


@pytest.fixture(scope="module")
def proxy_port() -> int:
    return free_port(UNHELD)


@pytest.fixture(scope="module")
def stack(proxy_port: int) -> Iterator[Stack]:
    with Stack.ephemeral(extra_postgres=("source", "target"), kafka_proxy_ports=(proxy_port,)) as running:
        yield running


def _sql(url: str, statement: str) -> str:
    psql = install().postgres / "psql"
    return subprocess.run([psql, "-XAt", "-c", statement, url], capture_output=True, text=True, check=True).stdout.strip()


def test_extra_postgres_servers_replicate_to_each_other(stack: Stack) -> None:
    source, target = stack.urls["source"], stack.urls["target"]
    _sql(source, "CREATE TABLE moved AS SELECT 7 AS id")
    _sql(source, "ALTER TABLE moved ADD PRIMARY KEY (id)")
    _sql(source, "CREATE PUBLICATION p FOR TABLE moved")
    _sql(target, "CREATE TABLE moved (id int PRIMARY KEY)")
    _sql(target, f"CREATE SUBSCRIPTION s CONNECTION '{source}' PUBLICATION p")
    while _sql(target, "SELECT id FROM moved") != "7":  # bounded by the time limit of the test
        pass
    assert _sql(target, "SELECT count(*) FROM moved") == "1"


def test_clients_of_the_proxied_listener_are_sent_through_the_proxy(stack: Stack, proxy_port: int) -> None:
    through = AdminClient({"bootstrap.servers": f"127.0.0.1:{stack.kafka_proxied[proxy_port]}", "log_level": 0}).list_topics(timeout=10)
    assert [broker.port for broker in through.brokers.values()] == [proxy_port]
    direct = AdminClient({"bootstrap.servers": stack.kafka}).list_topics(timeout=10)
    assert [f"{broker.host}:{broker.port}" for broker in direct.brokers.values()] == [stack.kafka]


def test_wrong_password_is_refused(stack: Stack) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _sql(stack.postgres.replace("//postgres:", "//postgres:wrong"), "SELECT 1")
    assert "password authentication failed" in refused.value.stderr
