"""Finding the source server of a migration: MGN lists by id or all, never by tag."""

import asyncio
from collections import OrderedDict
from time import monotonic
from typing import Any

from libs.providers.aws_mgn.connecting import Cloud
from libs.providers.aws_mgn.names import MIGRATION
from libs.providers.base import ProviderError

Server = dict[str, Any]
KNOWN = 20_000
FRESH_S = 1.0
PAGE = 1_000


class Places:
    """Where servers were last seen, and one listing shared by all checks of a moment. Nothing here may be missed after a crash."""

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._listed: dict[str, tuple[float, dict[str, list[Server]]]] = {}
        self._listing: dict[str, asyncio.Lock] = {}

    async def find(self, cloud: Cloud, migration: str) -> Server | None:
        """The source server with the migration's tag as it is now, or None. Raises ProviderError when there are several."""
        known = self._ids.get((cloud.region, migration))
        if known:
            answer = await cloud.call("mgn", "describe_source_servers", filters={"sourceServerIDs": [known]})
            if server := _single(answer["items"], migration):
                return server
        return await self._remembered(cloud, migration, _tagged([server async for server in _all(cloud)]))

    async def look(self, cloud: Cloud, migration: str) -> Server | None:
        """The same from a listing at most a second old, which costs many waiting checks one call."""
        lock = self._listing.setdefault(cloud.region, asyncio.Lock())
        async with lock:
            made, listed = self._listed.get(cloud.region, (float("-inf"), {}))
            if monotonic() - made > FRESH_S:
                made, listed = monotonic(), _tagged([server async for server in _all(cloud)])
                self._listed[cloud.region] = (made, listed)
        return await self._remembered(cloud, migration, listed)

    async def _remembered(self, cloud: Cloud, migration: str, listed: dict[str, list[Server]]) -> Server | None:
        server = _single(listed.get(migration, []), migration)
        if server is not None:
            self._ids[cloud.region, migration] = server["sourceServerID"]
            while len(self._ids) > KNOWN:
                self._ids.popitem(last=False)
        return server


def _all(cloud: Cloud) -> Any:
    return cloud.pages("mgn", "describe_source_servers", "items", maxResults=PAGE)


def _tagged(servers: list[Server]) -> dict[str, list[Server]]:
    found: dict[str, list[Server]] = {}
    for server in servers:
        if migration := server.get("tags", {}).get(MIGRATION):
            found.setdefault(migration, []).append(server)
    return found


def _single(servers: list[Server], migration: str) -> Server | None:
    mine = [server for server in servers if server.get("tags", {}).get(MIGRATION) == migration]
    if len(mine) > 1:
        raise ProviderError(
            "several_source_servers",
            f"{len(mine)} source servers carry the tag {MIGRATION}={migration}",
            category="source_preparation",
            retryable=False,
            remedy="delete all but the one that replicates, then retry",
        )
    return mine[0] if mine else None


def state_of(server: Server) -> str:
    """Its stage in the migration lifecycle, as MGN calls it."""
    return str(server.get("lifeCycle", {}).get("state", ""))


def replication_of(server: Server) -> str:
    """The state of its replication, as MGN calls it."""
    return str(server.get("dataReplicationInfo", {}).get("dataReplicationState", ""))


def instance_of(server: Server) -> str:
    """Id of the instance that was launched last, or empty."""
    return str(server.get("launchedInstance", {}).get("ec2InstanceID", ""))
