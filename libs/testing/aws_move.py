"""A server to move by `aws_mgn`, in a stand-in cloud that answers in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.loaders import Loader, create_loader

from deploy.embedded.ports import free_port
from libs.providers.base import Closing, MoveRequest
from libs.providers.catalogue import PROVIDERS
from libs.testing.cloud.chance import Script
from libs.testing.cloud.desks import TOKEN
from libs.testing.cloud.furniture import GROUPS, SUBNETS, ZONE, furnish
from libs.testing.cloud.leaks import leaks
from libs.testing.cloud.server import REGION, Cloud, opened, serving
from libs.testing.cloud.world import World

Document = dict[str, Any]
TESTING_SIDE = ("", "NOT_READY", "READY_FOR_TEST", "TESTING")


def environment(url: str) -> dict[str, str]:
    """Variables that point the SDK, and the ports, of workers to a stand-in cloud."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "standin",
        "AWS_SECRET_ACCESS_KEY": "s3cret-of-the-standin",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "WHIMBREL_PORT_URLS": url,
        "WHIMBREL_CREDENTIAL_ENV": "{tenant}_*_TOKEN",
        "ACME_DESK_TOKEN": TOKEN,
    }


def request_for(machine: Document, url: str, app_port: int, migration: str = "mig-1", **options: Any) -> MoveRequest:
    """The request to move a machine that the stand-in's account was furnished for, with every port."""
    token = "env:ACME_DESK_TOKEN"
    ports: Document = {
        "agents": {"url": f"{url}/agents", "token": token},
        "cmdb": {
            "url": f"{url}/cmdb", "token": token, "item": machine["ci"],
            "fields": {"location": "cloud", "instance": "@instance_id", "ip": "@private_ip"},
        },
        "factory": {"url": f"{url}/factory", "token": token, "server": machine["factory_server"], "wave": machine["factory_wave"]},
        "dns": {"zone_id": ZONE, "name": machine["record"]},
        "health": [{"kind": "tcp", "port": app_port}, {"kind": "http", "port": app_port, "path": "/health"}],
        "decommission": "stop",
    }  # fmt: skip
    given = {name: value for name, value in {**ports, **options}.items() if value is not None}
    source = {"hostname": machine["hostname"], "instance_id": machine["instance"]}
    target = {"region": REGION, "subnet_id": SUBNETS[1], "security_group_ids": list(GROUPS)}
    return MoveRequest(tenant="acme", migration=migration, provider="aws_mgn", source=source, target=target, options=given)


def seen(world: World) -> Document:
    """What a move may change, in words that bookkeeping, time and ids do not change.

    Not in it: test instances, which are thrown away and never brought back (the tests of leaks judge them), and the
    difference between the stages up to TESTING, which time makes and MGN lets nobody set.
    """
    return {
        "servers": {
            server["hostname"]: (server["replication"], _stage(world, server), server["archived"], _template(world, server["template"]))
            for _, server in world.books.all("server")
        },
        "orders": sorted(key for key, agent in world.books.all("agent") if agent["order"]),
        "instances": sorted(_instance(world, one) for _, one in world.books.all("instance") if _lives(world, one)),
        "snapshots": len(list(world.books.all("snapshot"))),
        "records": {key: zone["records"] for key, zone in world.books.all("zone")},
        "items": dict(world.books.all("ci")),
        "factory": {kind: dict(world.books.all(f"factory {kind}")) for kind in ("server", "wave")},
    }


def _stage(world: World, server: Document) -> str:
    stage = world.lifecycle(server)
    return "" if stage in TESTING_SIDE else stage


def _template(world: World, key: str) -> Document | None:
    template = world.books.get("template", key)
    return template and {"data": template["versions"][template["default"]], "versions": len(template["versions"])}


def _lives(world: World, instance: Document) -> bool:
    # An instance counts from the job's start: the world must not change because a job ends.
    return instance["stage"] != "TESTING" and world.instance_state(instance) != "terminated"


def _instance(world: World, instance: Document) -> tuple[str, bool, str]:
    return (instance["server"] and "cutover", instance["stopped"], instance["subnet"])


class AwsMove:
    """One world for one test."""

    secrets = (TOKEN, "s3cret-of-the-standin")

    def __init__(self, cloud: Cloud, url: str, **options: Any) -> None:
        self.provider = PROVIDERS["aws_mgn"]()
        self.cloud, self.url, self.world = cloud, url, cloud.world
        (self.machine,) = furnish(cloud.world, 1)
        self.request = request_for(self.machine, url, cloud.app_port, **options)

    async def snapshot(self) -> Document:
        """The state of the world."""
        return seen(self.world)

    def leaks(self, completed: bool = False) -> list[str]:
        """What is left that nobody wants."""
        return leaks(self.world, {"acme/mig-1"} if completed else set())

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        """Requests that inspect must refuse."""
        made = self.request

        def with_(source: Document | None = None, target: Document | None = None, options: Document | None = None) -> MoveRequest:
            return MoveRequest(
                tenant=made.tenant, migration=made.migration, provider=made.provider,
                source=made.source | (source or {}), target=made.target | (target or {}), options=made.options | (options or {}),
            )  # fmt: skip

        return (
            with_(source={"hostname": ""}),
            with_(source={"colour": "blue"}),
            with_(source={"instance_id": "i-0123456789abcdef0"}),
            with_(target={"subnet_id": "subnet-0b00000000000009"}),
            with_(target={"security_group_ids": ["sg-0b00000000000009"]}),
            with_(target={"account": "999999999999"}),
            with_(options={"health": [{"port": 0}]}),
            with_(options={"cmdb": {"url": "http://192.0.2.1", "item": "x", "fields": {}}}),
            with_(options={"cmdb": {**made.options["cmdb"], "token": "in-clear"}}),
            with_(options={"cmdb": {**made.options["cmdb"], "item": "nobody"}}),
            with_(options={"dns": {"zone_id": "ZNOWHERE", "name": "x.example.org"}}),
            with_(options={"factory": {**made.options["factory"], "server": "0"}}),
        )


@cache
def _models(path: str | None) -> Loader:
    """One loader of the vendor's models for every provider of this process: a worker makes one, tests make hundreds."""
    return create_loader(path)


@asynccontextmanager
async def moving(script: Script | None = None, seed: int = 1, **options: Any) -> AsyncIterator[AwsMove]:
    """A move in a stand-in cloud of its own; at the end no request may have been outside the vendor's model."""
    cloud = opened(seed, script or Script(), free_port())
    with patch("botocore.session.create_loader", _models):
        async with serving(cloud) as url:
            move = AwsMove(cloud, url, **options)
            try:
                yield move
            finally:
                assert isinstance(move.provider, Closing)
                await move.provider.close()
            assert cloud.defects == []
