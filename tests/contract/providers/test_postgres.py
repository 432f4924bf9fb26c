"""The postgres provider keeps the contract of a provider, between two real servers."""

import pytest

from libs.testing.postgres_move import PostgresMove
from libs.testing.postgres_servers import Server
from libs.testing.provider_suite import ProviderSuite


class TestPostgresProvider(ProviderSuite):
    @pytest.fixture
    async def harness(self, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> PostgresMove:
        move = await PostgresMove.made(servers)
        for name, value in move.environment.items():
            monkeypatch.setenv(name, value)
        return move
