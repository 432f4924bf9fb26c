"""The operations of Route 53, STS and Service Quotas that a move of a server needs."""

from typing import Any

from libs.testing.cloud.books import Document
from libs.testing.cloud.mgn import Params
from libs.testing.cloud.models import Refused
from libs.testing.cloud.world import ACCOUNT, World, stamp


def get_caller_identity(world: World, params: Params) -> Document:
    """GetCallerIdentity."""
    return {"UserId": "AIDASTANDIN", "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/mover"}


def list_service_quotas(world: World, params: Params) -> Document:
    """ListServiceQuotas of MGN."""
    if params["ServiceCode"] != "mgn":
        raise Refused("NoSuchResourceException", "no such service")
    quotas = {
        "Max Active Source Servers": world.script.quota,
        "Max Source Servers In Single Job": 200,
        "Max Source Servers In All Jobs": 200,
    }
    return {"Quotas": [{"ServiceCode": "mgn", "QuotaName": name, "Value": float(value)} for name, value in quotas.items()]}


def get_hosted_zone(world: World, params: Params) -> Document:
    """GetHostedZone."""
    zone = _zone(world, params["Id"])
    return {"HostedZone": {"Id": f"/hostedzone/{zone['id']}", "Name": zone["name"], "CallerReference": zone["id"]}}


def list_resource_record_sets(world: World, params: Params) -> Document:
    """ListResourceRecordSets, from a name and type on, in the order of reversed labels."""
    zone = _zone(world, params["HostedZoneId"])
    start = _order(params.get("StartRecordName", ""), params.get("StartRecordType", ""))
    records = sorted((one for one in zone["records"].values()), key=lambda one: _order(one["Name"], one["Type"]))
    found = [one for one in records if _order(one["Name"], one["Type"]) >= start]
    size = int(params.get("MaxItems", "300"))
    return {"ResourceRecordSets": found[:size], "IsTruncated": len(found) > size, "MaxItems": str(size)}


def change_resource_record_sets(world: World, params: Params) -> Document:
    """ChangeResourceRecordSets: the whole batch or nothing; a deletion must name the record exactly."""
    zone = _zone(world, params["HostedZoneId"])
    records: dict[str, Any] = dict(zone["records"])
    for change in params["ChangeBatch"]["Changes"]:
        record = {**change["ResourceRecordSet"], "Name": _absolute(change["ResourceRecordSet"]["Name"])}
        key = f"{record['Name']} {record['Type']}"
        if not record["Name"].endswith(zone["name"]):
            raise Refused("InvalidChangeBatch", f"{record['Name']} is not in zone {zone['name']}")
        if change["Action"] == "DELETE":
            if records.pop(key, None) != record:
                raise Refused("InvalidChangeBatch", f"Tried to delete {key} but the values provided do not match the current values")
        elif change["Action"] == "CREATE" and key in records:
            raise Refused("InvalidChangeBatch", f"Tried to create {key} but it already exists")
        else:
            records[key] = record
    world.books.put("zone", zone["id"], {**zone, "records": records})
    return {"ChangeInfo": {"Id": f"/change/C{world.books.count('change')}", "Status": "INSYNC", "SubmittedAt": stamp(world.now)}}


def _zone(world: World, key: str) -> Document:
    zone = world.books.get("zone", key.rpartition("/")[2])
    if zone is None:
        raise Refused("NoSuchHostedZone", f"No hosted zone found with ID: {key}", 404)
    return zone


def _absolute(name: str) -> str:
    return name.lower().rstrip(".") + "."


def _order(name: str, kind: str) -> tuple[list[str], str]:
    return (list(reversed(_absolute(name).rstrip(".").split("."))) if name else [], kind)
