"""The external provider keeps the contract of a provider, with a small system on the loopback interface that it tells by webhook."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.testing.external_world import SECRET, SECRET_NAME, LoopbackSystem
from libs.testing.provider_suite import ChunkedProviderSuite


class TestExternalProvider(ChunkedProviderSuite):
    seeds = (1, 2, 3)

    @pytest.fixture
    async def harness(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackSystem]:
        monkeypatch.setenv(SECRET_NAME, SECRET)
        monkeypatch.setenv("WHIMBREL_DEFAULT_TENANT", "acme")
        async with LoopbackSystem(tmp_path) as system:
            yield system
