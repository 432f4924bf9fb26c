"""The one way out: every connection of a webhook passes this connector, which connects to checked addresses only (SEC3)."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from libs.telling.addresses import AddressPolicy, Forbidden

_LOOKUPS = 32
_HOST_FORBIDDEN = "the host has an address that is not public"


class SystemResolver(AbstractResolver):
    """Names by the system's resolver, in threads of its own, so that slow name servers delay nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="dns")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Every address of a host. Raises OSError."""
        look = asyncio.get_running_loop().run_in_executor
        found = await look(self._threads, lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
        return [_result(host, port, address[0], kind) for kind, _, _, _, address in found]

    async def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, port: int, address: str | int, family: socket.AddressFamily) -> ResolveResult:
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=str(address), port=port, family=family, proto=0, flags=flags)


class _CheckedResolver(AbstractResolver):
    def __init__(self, policy: AddressPolicy, resolver: AbstractResolver) -> None:
        self._policy, self._resolver = policy, resolver

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not all(self._policy.allows(result["host"]) for result in found):
            raise Forbidden(_HOST_FORBIDDEN)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def connector(policy: AddressPolicy, resolver: AbstractResolver | None = None) -> TCPConnector:
    """A connector that refuses a host any of whose addresses is forbidden, and looks again at the very address it connects to.

    The second look makes the first one safe: whatever a name meant a moment ago, no socket is made for a forbidden address.
    """

    def checked_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not policy.allows(address[0]):
            raise Forbidden(_HOST_FORBIDDEN)
        return socket.socket(family, kind, protocol)

    return TCPConnector(resolver=_CheckedResolver(policy, resolver or SystemResolver()), socket_factory=checked_socket, limit=0)
