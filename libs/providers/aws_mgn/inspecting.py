"""Looking at account, region and everybody who will be told, without changing anything."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from libs.contracts.values import Problem
from libs.providers.aws_mgn import prerequisites
from libs.providers.aws_mgn.connecting import Cloud, Sdk
from libs.providers.aws_mgn.facts import Facts
from libs.providers.aws_mgn.finding import Places, replication_of
from libs.providers.aws_mgn.names import migration_tag
from libs.providers.aws_mgn.options import Options, Source, Target, parse, request_problems, source_of, target_of
from libs.providers.aws_mgn.ports import cmdb, dns, factory
from libs.providers.base import Inspection, MoveRequest, ProviderError

QUOTAS = {"Max Active Source Servers": "replicating_quota", "Max Source Servers In Single Job": "job_quota"}
TAKEN = ("STOPPED", "DISCONNECTED", "PAUSED")
"""States of replication that take no place of the quota."""


class Look:
    """One inspection: what was found so far, and every problem met on the way."""

    def __init__(self, cloud: Cloud, places: Places, request: MoveRequest) -> None:
        self.cloud, self.places = cloud, places
        self.migration = migration_tag(request.tenant, request.migration)
        self.source: Source = source_of(request)
        self.target: Target = target_of(request)
        self.options: Options = parse(request)
        self.found: dict[str, Any] = {}
        self.problems: list[Problem] = []


async def inspect(sdk: Sdk, places: Places, request: MoveRequest) -> Inspection:
    """Gather the facts and judge them; a request that cannot even be read is answered without looking."""
    if problems := request_problems(request):
        return Inspection(facts={}, problems=tuple(problems))
    async with Cloud(sdk, target_of(request).region) as cloud:
        look = Look(cloud, places, request)
        await _tried(look, _account, "/target/account")
        # Without credentials every further look would say the same.
        if not look.problems:
            for ask, field in _asked(look.options, look.source):
                await _tried(look, ask, field)
    facts = msgspec.convert(look.found, Facts)
    look.problems += prerequisites.judged(facts, look.options)
    return Inspection(facts=msgspec.to_builtins(facts), problems=tuple(look.problems))


def _asked(options: Options, source: Source) -> list[tuple[Callable[[Look], Awaitable[None]], str]]:
    asked: list[tuple[Callable[[Look], Awaitable[None]], str]] = [
        (_service, "/target/region"),
        (_quotas, "/target/region"),
        (_servers, "/target/region"),
        (_network, "/target/subnet_id"),
    ]
    if source.instance_id:
        asked.append((_source_instance, "/source/instance_id"))
    if options.dns:
        asked.append((_record, "/options/dns"))
    if options.cmdb:
        asked.append((_item, "/options/cmdb"))
    if options.factory:
        asked.append((_factory, "/options/factory"))
    return asked


async def _tried(look: Look, ask: Callable[[Look], Awaitable[None]], field: str) -> None:
    """Ask one thing; a refusal is one more problem, a broken connection ends the inspection."""
    try:
        await ask(look)
    except ProviderError as error:
        if error.retryable:
            raise
        remedy = error.problem.remedy or "correct the value that the field names"
        problem = msgspec.structs.replace(error.problem, category="prerequisite", remedy=remedy, field=error.problem.field or field)
        look.problems.append(problem)


async def _account(look: Look) -> None:
    look.found["account"] = (await look.cloud.call("sts", "get_caller_identity"))["Account"]
    look.problems += prerequisites.account(look.found["account"], look.target)


async def _service(look: Look) -> None:
    pages = look.cloud.pages("mgn", "describe_replication_configuration_templates", "items")
    templates = [one async for one in pages]
    look.problems += prerequisites.templates(templates, [one async for one in look.cloud.pages(
        "mgn", "describe_launch_configuration_templates", "items"
    )])  # fmt: skip
    for one in templates[:1]:
        await look.cloud.call("ec2", "describe_subnets", SubnetIds=[one["stagingAreaSubnetId"]])


async def _quotas(look: Look) -> None:
    try:
        async for quota in look.cloud.pages("service-quotas", "list_service_quotas", "Quotas", "NextToken", ServiceCode="mgn"):
            if name := QUOTAS.get(quota.get("QuotaName", "")):
                look.found |= {name: int(quota["Value"]), "quotas_known": True}
    except ProviderError as error:
        if error.problem.code != "access_denied":
            raise


async def _servers(look: Look) -> None:
    """How many replicate, and whether the agent of this migration has come already."""
    mine = await look.places.find(look.cloud, look.migration)
    key = mine["sourceServerID"] if mine else ""
    look.found["source_server_id"] = key
    servers = [one async for one in look.cloud.pages("mgn", "describe_source_servers", "items", maxResults=1_000)]
    look.found["replicating"] = sum(replication_of(one) not in TAKEN for one in servers if one["sourceServerID"] != key)
    look.problems += prerequisites.own_server(mine)


async def _network(look: Look) -> None:
    """Each group is asked for by itself, so that every missing one is named."""
    vpcs = {}
    answer = await look.cloud.call("ec2", "describe_subnets", SubnetIds=[look.target.subnet_id])
    subnet = answer["Subnets"][0]
    for index, group in enumerate(look.target.security_group_ids):

        async def ask(look: Look, group: str = group) -> None:
            found = await look.cloud.call("ec2", "describe_security_groups", GroupIds=[group])
            vpcs[group] = found["SecurityGroups"][0].get("VpcId", "")

        await _tried(look, ask, f"/target/security_group_ids/{index}")
    look.problems += prerequisites.network(subnet, vpcs, look.target)


async def _source_instance(look: Look) -> None:
    answer = await look.cloud.call("ec2", "describe_instances", InstanceIds=[look.source.instance_id])
    look.problems += prerequisites.source_instance(answer.get("Reservations", []), look.source)


async def _record(look: Look) -> None:
    assert look.options.dns is not None
    zone = await look.cloud.call("route53", "get_hosted_zone", Id=look.options.dns.zone_id)
    look.found["record"] = await dns.read(look.cloud, look.options.dns)
    look.problems += prerequisites.record(look.found["record"], zone["HostedZone"]["Name"], look.options.dns)


async def _item(look: Look) -> None:
    assert look.options.cmdb is not None
    look.found["item"] = await cmdb.read(look.options.cmdb)


async def _factory(look: Look) -> None:
    assert look.options.factory is not None
    look.found["factory"] = await factory.read(look.options.factory)
