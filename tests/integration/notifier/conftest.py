"""One set of services for all tests of the package; each test has a tenant of its own."""

import os
import time
from collections.abc import Iterator

import pytest

from libs.runtime.kafka import create_topics
from libs.testing.servers import SharedServers
from libs.testing.waiting import PARTITIONS
from tests.integration.notifier.world import World, running


@pytest.fixture(scope="package")
def world(stack: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    prefix = f"notify{os.getpid()}"
    create_topics(stack.kafka, prefix, PARTITIONS)
    with running(stack, prefix, tmp_path_factory.mktemp("notifier"), time.monotonic) as found:
        yield found
