"""Two real PostgreSQL servers to move between, and moves whose credentials the environment holds."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from libs.testing.postgres_move import PostgresMove
from libs.testing.postgres_servers import Server, reachable_directory, running

MakeMove = Callable[..., Awaitable[PostgresMove]]


@pytest.fixture(scope="package")
def servers() -> Iterator[tuple[Server, Server]]:
    with reachable_directory() as directory, running(directory, "source") as source, running(directory, "target") as target:
        yield source, target


@pytest.fixture
def make_move(servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> MakeMove:
    """Makes a move of the awkward database, or with `sample=rows` of the sample database."""

    async def make(**options: Any) -> PostgresMove:
        move = await PostgresMove.made(servers, **options)
        for name, value in move.environment.items():
            monkeypatch.setenv(name, value)
        return move

    return make
