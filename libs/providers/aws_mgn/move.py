"""One work item with everything a step needs."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from types import TracebackType

from libs.providers.aws_mgn.connecting import Cloud, Sdk
from libs.providers.aws_mgn.finding import Places, Server, instance_of
from libs.providers.aws_mgn.names import ADDRESS, MIGRATION, WORK, migration_tag
from libs.providers.aws_mgn.options import parse, source_of, target_of
from libs.providers.base import Assignment, Progress, ProviderError

PATIENCE_S = 20.0
"""How long an act waits in one piece for something that the cloud is about to finish; then it is a retry."""


class Move:
    """What a step is given; an asynchronous context that gives its clients back."""

    def __init__(self, work: Assignment, progress: Progress, sdk: Sdk, places: Places) -> None:
        self.work, self.progress = work, progress
        self.source, self.target, self.options = source_of(work.request), target_of(work.request), parse(work.request)
        self.migration = migration_tag(work.request.tenant, work.request.migration)
        self.cloud = Cloud(sdk, self.target.region)
        self._places = places

    async def __aenter__(self) -> "Move":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.cloud.__aexit__(kind, error, trace)

    @property
    def tags(self) -> dict[str, str]:
        """What everything made for this work is tagged with."""
        return {MIGRATION: self.migration, WORK: self.work.work_id}

    async def find(self) -> Server | None:
        """The source server as it is now, or None."""
        return await self._places.find(self.cloud, self.migration)

    async def server(self) -> Server:
        """The source server as it is now. Raises ProviderError when there is none."""
        return _there(await self.find(), self.migration)

    async def look(self) -> Server | None:
        """The source server as it was a moment ago, or None."""
        return await self._places.look(self.cloud, self.migration)

    async def seen(self) -> Server:
        """The source server as it was a moment ago. Raises ProviderError when there is none."""
        return _there(await self.look(), self.migration)

    async def address(self, server: Server) -> tuple[str, str]:
        """Id and private address of the instance that was launched last. Raises ProviderError when there is none."""
        found = await self.instance(instance_of(server)) if instance_of(server) else {}
        if not found.get("PrivateIpAddress"):
            raise ProviderError("instance_missing", "there is no launched instance with an address", category="cutover")
        return found["InstanceId"], found["PrivateIpAddress"]

    async def remember(self, server: Server, instance: str, address: str) -> None:
        """Write down on the source server what others are about to be told, for the undo: an instance that ended has no address."""
        said = f"{instance} {address}"
        if server["tags"].get(ADDRESS) != said:
            await self.cloud.call("mgn", "tag_resource", resourceArn=server["arn"], tags={ADDRESS: said})

    async def remembered(self, server: Server) -> tuple[str, str]:
        """Id and address that others were told, though the instance may be gone. Raises ProviderError where nobody knows them."""
        if not server:
            message = "the source server is gone, and with it what this migration told others"
            remedy = "put back by hand what the step changed, then skip its compensation"
            raise ProviderError("source_server_missing", message, category="rollback", retryable=False, remedy=remedy)
        instance, _, address = server.get("tags", {}).get(ADDRESS, "").partition(" ")
        return (instance, address) if address else await self.address(server)

    async def instance(self, key: str) -> Server:
        """An EC2 instance; empty when it is gone for good."""
        answer = await self.cloud.call("ec2", "describe_instances", Filters=[{"Name": "instance-id", "Values": [key]}])
        return next((one for group in answer.get("Reservations", []) for one in group["Instances"]), {})

    async def until(self, over: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait a moment for something that is about to end. Raises ProviderError, to be tried again later."""
        end, pause = monotonic() + PATIENCE_S, 0.05
        while not await over():
            if monotonic() > end:
                raise ProviderError("still_working", f"{what} is not over yet", remedy="wait; it is tried again")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 2.0)


def _there(server: Server | None, migration: str) -> Server:
    if server is None:
        message = f"no source server carries the tag {MIGRATION}={migration}: it was never there, undone, or deleted in MGN"
        raise ProviderError("source_server_missing", message, retryable=False, remedy="install the agent with that tag, or roll back")
    return server
