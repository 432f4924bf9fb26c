"""Judging what was found: every prerequisite that is missing, all at once."""

from collections.abc import Iterator
from typing import Any

from libs.contracts.values import Problem
from libs.providers.aws_mgn.facts import Facts
from libs.providers.aws_mgn.finding import Server, replication_of, state_of
from libs.providers.aws_mgn.options import Dns, Options, Source, Target
from libs.providers.aws_mgn.ports.dns import absolute

FEWEST_ADDRESSES = 2
"""Free addresses that the target's subnet must have: one for the test and one for the cutover instance."""


def judged(facts: Facts, options: Options) -> Iterator[Problem]:
    """What the facts as a whole forbid."""
    if options.quota == "refuse" and not facts.source_server_id and facts.replicating >= facts.replicating_quota:
        message = f"{facts.replicating} of {facts.replicating_quota} servers replicate in this region already"
        yield _problem("replication_quota_full", message, "raise the quota, wait, or set quota to wait", "/options/quota")
    if facts.quotas_known and (facts.replicating_quota < 1 or facts.job_quota < 1):
        yield _problem("replication_quota_full", "the account may replicate no server", "raise the quota", "/target/region")


def account(found: str, target: Target) -> Iterator[Problem]:
    """Whether the credentials belong to the account that the request names."""
    if target.account and target.account != found:
        message = f"the workers' credentials are of account {found}, not {target.account}"
        yield _problem("wrong_account", message, "correct the account, or the workers' credentials", "/target/account")


def templates(replication: list[dict[str, Any]], launch: list[dict[str, Any]]) -> Iterator[Problem]:
    """Whether the service was set up."""
    if not replication:
        remedy = "open Application Migration Service in this region and save its replication template"
        yield _problem("replication_template_missing", "the region has no replication configuration template", remedy, "/target/region")
    elif not replication[0].get("replicationServersSecurityGroupsIDs") and not replication[0].get("associateDefaultSecurityGroup"):
        remedy = "add a security group to the replication template that lets port 1500 in"
        yield _problem("staging_security_group_missing", "the replication template has no security group", remedy, "/target/region")
    if not launch:
        remedy = "open Application Migration Service in this region and save its launch template"
        yield _problem("launch_template_missing", "the region has no launch configuration template", remedy, "/target/region")


def own_server(server: Server | None) -> Iterator[Problem]:
    """Whether a source server that carries the migration's tag already can still be moved."""
    if server is not None and (replication_of(server) == "DISCONNECTED" or state_of(server) in ("CUTOVER", "CUTTING_OVER", "TESTING")):
        message = f"source server {server['sourceServerID']} carries the migration's tag and is {state_of(server)}"
        remedy = "delete it in MGN, or finish there what was begun, then ask again"
        yield _problem("source_server_in_use", message, remedy, "/source/hostname")


def network(subnet: dict[str, Any], vpcs: dict[str, str], target: Target) -> Iterator[Problem]:
    """Whether subnet and security groups belong together."""
    if subnet.get("State", "available") != "available":
        yield _problem("subnet_not_available", f"subnet {target.subnet_id} is {subnet['State']}", "name another", "/target/subnet_id")
    if subnet.get("AvailableIpAddressCount", FEWEST_ADDRESSES) < FEWEST_ADDRESSES:
        message = f"subnet {target.subnet_id} has {subnet['AvailableIpAddressCount']} free addresses and needs {FEWEST_ADDRESSES}"
        yield _problem("subnet_full", message, "free addresses or name another", "/target/subnet_id")
    for index, group in enumerate(target.security_group_ids):
        if group in vpcs and vpcs[group] != subnet.get("VpcId"):
            message = f"security group {group} is in {vpcs[group]}, the subnet in {subnet.get('VpcId')}"
            yield _problem("security_group_elsewhere", message, "name a group of the subnet's VPC", f"/target/security_group_ids/{index}")


def source_instance(reservations: list[dict[str, Any]], source: Source) -> Iterator[Problem]:
    """Whether a source that is an EC2 instance runs."""
    states = [one["State"]["Name"] for group in reservations for one in group["Instances"]]
    if states != ["running"]:
        message = f"instance {source.instance_id} is {states[0] if states else 'not there'}"
        yield _problem("source_not_running", message, "start it: MGN reads from a running system", "/source/instance_id")


def record(found: dict[str, Any] | None, zone: str, dns: Dns) -> Iterator[Problem]:
    """Whether the record can be switched."""
    if not absolute(dns).endswith(f".{zone}") and absolute(dns) != zone:
        yield _problem("record_outside_zone", f"{dns.name} is not in zone {zone}", "name a record of that zone", "/options/dns/name")
    if found and (found.get("AliasTarget") or found.get("SetIdentifier")):
        message = f"record {dns.name} is an alias or has a routing policy"
        yield _problem("record_not_simple", message, "make it a simple record, or leave dns out", "/options/dns/name")


def _problem(code: str, message: str, remedy: str, field: str) -> Problem:
    return Problem(code=code, category="prerequisite", message=message, remedy=remedy, field=field)
