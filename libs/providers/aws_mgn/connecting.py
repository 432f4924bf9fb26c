"""The SDK: imported when the first server is moved, clients made when the first operation of a service is called."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from libs.providers.aws_mgn.errors import broken, refused

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

CONNECT_S, READ_S, ATTEMPTS, CONNECTIONS = 5, 30, 6, 50
Answer = dict[str, Any]


class Sdk:
    """The SDK's session and its clients. A client is shared by all verbs that use it at the same time, and closed by the last."""

    def __init__(self) -> None:
        self._session: AioSession | None = None
        self._lent: dict[tuple[str, str, int], Lent] = {}

    async def borrow(self, service: str, region: str, attempts: int) -> Any:
        """A client; give it back by `give_back` with the same arguments. Raises ProviderError."""
        key = (service, region, attempts)
        if self._session is None:
            # Importing the SDK takes half a second, so a thread does it.
            module = await asyncio.to_thread(_imported)
            self._session = self._session or module.get_session()
        lent = self._lent.get(key)
        if lent is not None:
            lent.users += 1
            return lent.client
        # No lock: a verb that stands still here must hold nobody back.
        opened = await _opened(self._session, service, region, attempts)
        lent = self._lent.setdefault(key, opened)
        lent.users += 1
        if lent is not opened:
            await opened.stack.aclose()
        return lent.client

    async def give_back(self, service: str, region: str, attempts: int) -> None:
        """A verb needs the client no longer."""
        key = (service, region, attempts)
        lent = self._lent[key]
        lent.users -= 1
        if not lent.users:
            del self._lent[key]
            await lent.stack.aclose()


class Lent:
    """One open client and how many verbs use it."""

    def __init__(self, client: Any, stack: AsyncExitStack) -> None:
        self.client, self.stack, self.users = client, stack, 0


def _imported() -> ModuleType:
    import aiobotocore.session

    return aiobotocore.session


async def _opened(session: "AioSession", service: str, region: str, attempts: int) -> Lent:
    # Only here and below, because importing any part of the SDK is importing the SDK.
    from aiobotocore.config import AioConfig
    from botocore.exceptions import BotoCoreError

    config = AioConfig(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_appid="whimbrel",
    )
    stack = AsyncExitStack()
    create: Any = session.create_client
    try:
        return Lent(await stack.enter_async_context(create(service, region_name=region, config=config)), stack)
    except BotoCoreError as error:
        raise broken(service, error) from None


class Cloud:
    """The services of one region for the length of one verb."""

    def __init__(self, sdk: Sdk, region: str) -> None:
        self.region = region
        self._sdk = sdk
        self._borrowed: dict[tuple[str, int], Any] = {}

    async def __aenter__(self) -> "Cloud":
        return self

    async def __aexit__(self, *error: object) -> None:
        while self._borrowed:
            (service, attempts), _ = self._borrowed.popitem()
            await self._sdk.give_back(service, self.region, attempts)

    async def call(self, service: str, operation: str, **params: Any) -> Answer:
        """Call an operation that may be repeated: the SDK repeats it after throttling, faults and broken connections."""
        return await self._call(service, operation, ATTEMPTS, params)

    async def once(self, service: str, operation: str, **params: Any) -> Answer:
        """Call an operation that makes something new: an unknown outcome is reported, and the next attempt looks first."""
        return await self._call(service, operation, 1, params)

    async def pages(self, service: str, operation: str, items: str, mark: str = "nextToken", **params: Any) -> AsyncIterator[Answer]:
        """Every item of a listing."""
        more: dict[str, Any] = {}
        while True:
            answer = await self.call(service, operation, **params, **more)
            for item in answer.get(items, []):
                yield item
            if not answer.get(mark):
                return
            more = {mark: answer[mark]}

    async def _call(self, service: str, operation: str, attempts: int, params: dict[str, Any]) -> Answer:
        if (service, attempts) not in self._borrowed:
            self._borrowed[service, attempts] = await self._sdk.borrow(service, self.region, attempts)
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Answer = await getattr(self._borrowed[service, attempts], operation)(**params)
        except ClientError as error:
            raise refused(operation, dict(error.response)) from None
        except (BotoCoreError, OSError) as error:
            raise broken(operation, error) from None
        return answer
