"""The SDK: imported when the first server is moved, clients made when a verb calls the first operation of a service."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from libs.providers.aws_mgn.errors import broken, refused

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

CONNECT_S, READ_S, ATTEMPTS = 5, 30, 6
IDLE = 64
"""Clients of one kind that are kept while nobody uses them."""
Answer = dict[str, Any]
Kind = tuple[str, str, int]
"""Region, service and attempts of a client."""


class Sdk:
    """The SDK's session, with its credentials and models, and open clients that wait for the next verb; one for the life of a provider.

    Making a client costs the SDK a class with hundreds of methods, opening one the certificates of all authorities: tens of
    milliseconds of work that a call does not need.
    """

    def __init__(self) -> None:
        self._session: AioSession | None = None
        self._idle: dict[Kind, list[Any]] = {}

    async def session(self) -> "AioSession":
        """The session. Importing the SDK takes half a second, so a thread does it."""
        if self._session is None:
            module = await asyncio.to_thread(_imported)
            self._session = self._session or module.get_session()
        return self._session

    def lend(self, kind: Kind) -> Any | None:
        """An open client that nobody uses; None when there is none."""
        idle = self._idle.get(kind)
        return idle.pop() if idle else None

    async def give_back(self, kind: Kind, client: Any) -> None:
        """Keep a client for the next verb, or close it where enough are kept."""
        idle = self._idle.setdefault(kind, [])
        if len(idle) < IDLE:
            idle.append(client)
        else:
            await client.__aexit__(None, None, None)

    async def close(self) -> None:
        """Close what is kept; what is asked for afterwards is made anew."""
        while self._idle:
            for client in self._idle.popitem()[1]:
                await client.__aexit__(None, None, None)


def _imported() -> ModuleType:
    import aiobotocore.session

    return aiobotocore.session


class Cloud:
    """The services of one region for the length of one verb.

    Verbs share no client while they run: the SDK's clients have locks, and a verb that stands still must hold nobody back.
    """

    def __init__(self, sdk: Sdk, region: str) -> None:
        self.region = region
        self._sdk = sdk
        self._clients: dict[Kind, Any] = {}

    async def __aenter__(self) -> "Cloud":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        cut_off = kind is not None and not issubclass(kind, Exception)
        while self._clients:
            of, client = self._clients.popitem()
            # Nobody knows what a call that was cut off has left behind in its client.
            await (client.__aexit__(None, None, None) if cut_off else self._sdk.give_back(of, client))

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
        client = await self._client(service, attempts)
        # Only here and below, because importing any part of the SDK is importing the SDK.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Answer = await getattr(client, operation)(**params)
        except ClientError as error:
            raise refused(operation, dict(error.response)) from None
        except (BotoCoreError, OSError) as error:
            raise broken(operation, error) from None
        return answer

    async def _client(self, service: str, attempts: int) -> Any:
        kind = (self.region, service, attempts)
        if kind not in self._clients:
            self._clients[kind] = self._sdk.lend(kind) or await self._opened(service, attempts)
        return self._clients[kind]

    async def _opened(self, service: str, attempts: int) -> Any:
        session = await self._sdk.session()
        from aiobotocore.config import AioConfig
        from botocore.exceptions import BotoCoreError

        retries: Any = {"mode": "standard", "total_max_attempts": attempts}
        config = AioConfig(connect_timeout=CONNECT_S, read_timeout=READ_S, retries=retries, user_agent_appid="whimbrel")
        create: Any = session.create_client
        try:
            return await create(service, region_name=self.region, config=config).__aenter__()
        except BotoCoreError as error:
            raise broken(service, error) from None
