"""The aws_mgn provider keeps the contract of a provider, against the vendor's own service models (O3-O7, O9)."""

from collections.abc import AsyncIterator

import pytest

from libs.providers.aws_mgn import finding
from libs.testing.aws_move import AwsMove, environment, moving
from libs.testing.cloud.chance import Script
from libs.testing.provider_suite import ProviderSuite


class TestAwsMgnProvider(ProviderSuite):
    """The agent begins to replicate by itself."""

    seeds = (1, 2)
    script = Script()

    @pytest.fixture
    async def harness(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsMove]:
        async with moving(self.script) as move:
            for name, value in environment(move.url).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(finding, "FRESH_S", 0.02)
            yield move


class TestAwsMgnProviderThatStartsReplication(TestAwsMgnProvider):
    """The agent waits, because the account had no place for another replicating server when it came."""

    seeds = (3,)
    script = Script(agents="stopped")
