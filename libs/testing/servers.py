"""The real servers that tests share: one stack a run, one topic prefix a test."""

import itertools
import os
import time
from collections.abc import Callable, Iterator

import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics

PARTITIONS = 4
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka, PostgreSQL and the schema registry; Kafka also listens for clients that come through a fault-injecting proxy."""
    with Stack.ephemeral(kafka_proxy_port=free_port()) as running:
        yield running


@pytest.fixture
def prefix(stack: Stack) -> str:
    """A topic prefix of the test's own, its topics created."""
    name = f"t{os.getpid()}-{next(_numbers)}"
    create_topics(stack.kafka, name, PARTITIONS)
    return name


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return once the condition holds; fail, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.05)
