"""The real servers that tests share unless they end them: one stack a run, in however many processes; one topic prefix a test."""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from deploy.embedded.errors import StackError
from deploy.embedded.ports import UNHELD, free_port
from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics
from libs.testing.kafka_proxy import KafkaProxy
from libs.testing.waiting import PARTITIONS


class SharedServers(NamedTuple):
    """Where Kafka, PostgreSQL and the schema registry are, and a way into Kafka that no other process uses."""

    kafka: str
    registry: str
    postgres: str
    proxy_port: int
    """Where a fault-injecting proxy has to listen."""
    proxied_port: int
    """Kafka's listener whose clients are sent to `proxy_port`."""

    def tend(self) -> None:
        """Nothing: no test ends what all share."""


_shares = pytest.StashKey[list[tuple[object, SharedServers]]]()
"""What each process gets, by its specification, which the successor of one that crashed has from it."""
_numbers = itertools.count(1)


@contextmanager
def _running(processes: int) -> Iterator[list[SharedServers]]:
    proxy_ports = [free_port(UNHELD) for _ in range(processes)]
    with Stack.ephemeral(kafka_short_lived=True, kafka_proxy_ports=proxy_ports) as stack:
        yield [SharedServers(stack.kafka, stack.registry, stack.postgres, told, own) for told, own in stack.kafka_proxied.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[object]) -> None:
    """Start the servers in the process that hands out the tests: it runs none and outlives those that do.

    Whichever tests they are; without `-n` servers are started for the tests that ask for them.
    """
    held = ExitStack()
    config.add_cleanup(held.close)
    try:
        config.stash[_shares] = list(zip(specs, held.enter_context(_running(len(specs))), strict=True))
    except StackError as error:
        raise pytest.UsageError(f"the servers that the tests share do not start: {error}") from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process that will run tests where the servers are."""
    share = next(servers for spec, servers in node.config.stash[_shares] if spec is node.gateway.spec)
    node.workerinput["servers"] = tuple(share)


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Iterator[SharedServers]:
    """Kafka, PostgreSQL and the schema registry."""
    told = getattr(pytestconfig, "workerinput", None)
    if told:
        yield SharedServers(*told["servers"])
        return
    with _running(1) as servers:
        yield servers[0]


@pytest.fixture
def proxy(stack: SharedServers) -> Iterator[KafkaProxy]:
    """A fault-injecting proxy in front of Kafka."""
    with KafkaProxy(stack.proxy_port, stack.proxied_port) as listening:
        yield listening


@pytest.fixture
def partitions() -> int:
    """Partitions of each topic of `prefix`."""
    return PARTITIONS


@pytest.fixture
def prefix(stack: SharedServers, partitions: int) -> str:
    """A topic prefix of the test's own, its topics created."""
    name = f"t{os.getpid()}-{next(_numbers)}"
    create_topics(stack.kafka, name, partitions)
    return name
