"""Two real PostgreSQL servers to move between."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("libs.testing.provider_suite")

from libs.testing.postgres_servers import Server, reachable_directory, running  # noqa: E402


@pytest.fixture(scope="package")
def servers() -> Iterator[tuple[Server, Server]]:
    with reachable_directory() as directory, running(directory, "source") as source, running(directory, "target") as target:
        yield source, target
