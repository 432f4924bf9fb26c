"""The address record of a server in Route 53. A change names the record that it replaces, so nobody else's change is lost."""

from typing import Any

from libs.providers.aws_mgn.connecting import Cloud
from libs.providers.aws_mgn.options import Dns
from libs.providers.base import ProviderError

Record = dict[str, Any]


async def read(cloud: Cloud, dns: Dns) -> Record | None:
    """The record as it is, or None."""
    answer = await cloud.call(
        "route53", "list_resource_record_sets", HostedZoneId=dns.zone_id, StartRecordName=absolute(dns), StartRecordType="A", MaxItems="1"
    )
    for record in answer["ResourceRecordSets"]:
        if (record["Name"], record["Type"]) == (absolute(dns), "A"):
            return dict(record)
    return None


async def replace(cloud: Cloud, dns: Dns, before: Record | None, after: Record | None) -> None:
    """Put one record in another's place, in one change. Raises ProviderError `record_changed` when it is not `before` any more."""
    changes = [{"Action": "DELETE", "ResourceRecordSet": before}] if before else []
    changes += [{"Action": "CREATE", "ResourceRecordSet": after}] if after else []
    try:
        batch = {"Comment": "whimbrel", "Changes": changes}
        await cloud.call("route53", "change_resource_record_sets", HostedZoneId=dns.zone_id, ChangeBatch=batch)
    except ProviderError as error:
        # A repeat after a lost answer finds its own change made.
        if error.problem.code != "record_changed" or await read(cloud, dns) != after:
            raise


def wanted(dns: Dns, address: str) -> Record:
    """The record that leads to an address."""
    return {"Name": absolute(dns), "Type": "A", "TTL": dns.ttl, "ResourceRecords": [{"Value": address}]}


def absolute(dns: Dns) -> str:
    """The record's name as Route 53 writes it."""
    return dns.name.lower().rstrip(".") + "."


def changed_by_others(dns: Dns) -> ProviderError:
    """What is raised when the record is neither what it was nor what this migration made it."""
    message = f"record {dns.name} is neither what it was at the inspection nor what this migration made it"
    return ProviderError(
        "record_changed", message, category="cutover", retryable=False, remedy="look who else changes it, put it back, retry"
    )
