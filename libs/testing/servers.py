"""The real servers that tests share: one stack a run, one topic prefix a test."""

import itertools
import os
from collections.abc import Iterator

import pytest

from deploy.embedded.ports import UNHELD, free_port
from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics
from libs.testing.waiting import PARTITIONS

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka, PostgreSQL and the schema registry; Kafka also listens for clients that come through a fault-injecting proxy."""
    with Stack.ephemeral(kafka_short_lived=True, kafka_proxy_port=free_port(UNHELD)) as running:
        yield running


@pytest.fixture
def partitions() -> int:
    """Partitions of each topic of `prefix`."""
    return PARTITIONS


@pytest.fixture
def prefix(stack: Stack, partitions: int) -> str:
    """A topic prefix of the test's own, its topics created."""
    name = f"t{os.getpid()}-{next(_numbers)}"
    create_topics(stack.kafka, name, partitions)
    return name
