"""A stand-in cloud of its own for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from libs.providers.aws_mgn import finding
from libs.testing.aws_move import AwsMove, environment, moving
from libs.testing.cloud.chance import Script

Moving = Callable[..., AbstractAsyncContextManager[AwsMove]]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Moving:
    """Makes a move in a stand-in cloud, to which the SDK of this process is pointed."""

    @asynccontextmanager
    async def made(seed: int = 1, options: dict[str, Any] | None = None, **script: Any) -> AsyncIterator[AwsMove]:
        async with moving(Script(**script), seed, **(options or {})) as move:
            for name, value in environment(move.url).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(finding, "FRESH_S", 0.02)
            yield move

    return made
