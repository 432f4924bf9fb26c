"""The operations of EC2 that a move of a server needs."""

from collections.abc import Callable
from typing import Any

from libs.testing.cloud.books import Document
from libs.testing.cloud.mgn import Params
from libs.testing.cloud.models import Refused
from libs.testing.cloud.world import ACCOUNT, MS, World, found_or, stamp


def _tags(tags: dict[str, str]) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _filtered(params: Params, documents: list[Document], facts: dict[str, Callable[[Document], Any]]) -> list[Document]:
    for one in params.get("Filters", []):
        name, values = one["Name"], one["Values"]
        if name.startswith("tag:"):
            documents = [document for document in documents if document["tags"].get(name[4:]) in values]
        elif name in facts:
            documents = [document for document in documents if str(facts[name](document)) in values]
        else:
            raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
    return documents


def describe_subnets(world: World, params: Params) -> Document:
    """DescribeSubnets."""
    found = [found_or(world.books.get("subnet", key), "InvalidSubnetID.NotFound", f"The subnet ID '{key}' does not exist")
             for key in params["SubnetIds"]]  # fmt: skip
    return {"Subnets": [
        {"SubnetId": one["id"], "VpcId": one["vpc"], "State": "available", "AvailableIpAddressCount": one["free"], "CidrBlock": one["cidr"]}
        for one in found
    ]}  # fmt: skip


def describe_security_groups(world: World, params: Params) -> Document:
    """DescribeSecurityGroups."""
    found = [found_or(world.books.get("security group", key), "InvalidGroup.NotFound", f"The security group '{key}' does not exist")
             for key in params["GroupIds"]]  # fmt: skip
    return {"SecurityGroups": [{"GroupId": one["id"], "VpcId": one["vpc"], "GroupName": one["id"]} for one in found]}


def describe_instances(world: World, params: Params) -> Document:
    """DescribeInstances."""
    found = [found_or(world.books.get("instance", key), "InvalidInstanceID.NotFound", f"The instance ID '{key}' does not exist")
             for key in params.get("InstanceIds", [])] or [one for _, one in world.books.all("instance")]  # fmt: skip
    found = _filtered(
        params,
        [one for one in found if world.instance_state(one)],
        {"instance-state-name": world.instance_state, "instance-id": lambda one: one["id"]},
    )
    return {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [_instance(world, one) for one in found]}] if found else []}


def _instance(world: World, one: Document) -> Document:
    state = world.instance_state(one)
    described: Document = {
        "InstanceId": one["id"], "State": {"Name": state, "Code": {"running": 16, "terminated": 48, "stopped": 80}[state]},
        "Tags": _tags(one["tags"]), "InstanceType": one["type"],
    }  # fmt: skip
    if state != "terminated":
        described["PrivateIpAddress"] = one["address"]
        described["SubnetId"] = one["subnet"]
        described["BlockDeviceMappings"] = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeId": one["volume"], "DeleteOnTermination": False}}]
    return described


def stop_instances(world: World, params: Params) -> Document:
    """StopInstances."""
    return {"StoppingInstances": [_turned(world, key, True) for key in params["InstanceIds"]]}


def terminate_instances(world: World, params: Params) -> Document:
    """TerminateInstances."""
    ended = []
    for key in params["InstanceIds"]:
        one = found_or(world.books.get("instance", key), "InvalidInstanceID.NotFound", f"The instance ID '{key}' does not exist")
        world.books.put("instance", key, {**one, "gone_at": one["gone_at"] or world.now + world.script.terminate_ms * MS})
        ended.append({"InstanceId": key, "CurrentState": {"Name": "shutting-down"}})
    return {"TerminatingInstances": ended}


def start_instances(world: World, params: Params) -> Document:
    """StartInstances."""
    return {"StartingInstances": [_turned(world, key, False) for key in params["InstanceIds"]]}


def _turned(world: World, key: str, stopped: bool) -> Document:
    one = found_or(world.books.get("instance", key), "InvalidInstanceID.NotFound", f"The instance ID '{key}' does not exist")
    if world.instance_state(one) == "terminated":
        raise Refused("IncorrectInstanceState", f"The instance '{key}' is terminated")
    world.books.put("instance", key, {**one, "stopped": stopped})
    return {"InstanceId": key, "CurrentState": {"Name": "stopped" if stopped else "running"}}


def _volume_state(world: World, volume: Document) -> str:
    instance = world.books.get("instance", volume["instance"])
    return "in-use" if instance and world.instance_state(instance) != "terminated" else "available"


def describe_volumes(world: World, params: Params) -> Document:
    """DescribeVolumes."""
    found = _filtered(params, [one for _, one in world.books.all("volume")], {"status": lambda one: _volume_state(world, one)})
    return {"Volumes": [{"VolumeId": one["id"], "State": _volume_state(world, one), "Tags": _tags(one["tags"])} for one in found]}


def delete_volume(world: World, params: Params) -> Document:
    """DeleteVolume."""
    key = params["VolumeId"]
    one = found_or(world.books.get("volume", key), "InvalidVolume.NotFound", f"The volume '{key}' does not exist.")
    if _volume_state(world, one) == "in-use":
        raise Refused("VolumeInUse", f"Volume {key} is currently attached")
    world.books.remove("volume", key)
    return {}


def create_tags(world: World, params: Params) -> Document:
    """CreateTags on volumes, instances and snapshots."""
    for key in params["Resources"]:
        kind = {"vol": "volume", "i": "instance", "snap": "snapshot"}.get(key.partition("-")[0], "")
        one = found_or(world.books.get(kind, key), "InvalidID", f"The ID '{key}' is not valid")
        world.books.put(kind, key, {**one, "tags": {**one["tags"], **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}})
    return {}


def create_snapshots(world: World, params: Params) -> Document:
    """CreateSnapshots of every volume of an instance."""
    key = params["InstanceSpecification"]["InstanceId"]
    instance = found_or(world.books.get("instance", key), "InvalidInstanceID.NotFound", f"The instance ID '{key}' does not exist")
    tags = {tag["Key"]: tag["Value"] for one in params.get("TagSpecifications", []) for tag in one["Tags"]}
    snapshot = world.books.identifier("snap-", "snapshot")
    one = world.books.put("snapshot", snapshot, {
        "id": snapshot, "volume": instance["volume"], "tags": tags, "done_at": world.now + world.script.snapshot_ms * MS,
    })  # fmt: skip
    return {"Snapshots": [{**_snapshot(world, one, "SnapshotId"), "State": "pending"}]}


def _snapshot(world: World, one: Document, key: str) -> Document:
    state = "completed" if world.now >= one["done_at"] else "pending"
    return {key: one["id"], "VolumeId": one["volume"], "State": state, "Tags": _tags(one["tags"]), "StartTime": stamp(one["done_at"])}


def describe_snapshots(world: World, params: Params) -> Document:
    """DescribeSnapshots."""
    found = _filtered(params, [one for _, one in world.books.all("snapshot")], {})
    return {"Snapshots": [_snapshot(world, one, "SnapshotId") for one in found]}


def delete_snapshot(world: World, params: Params) -> Document:
    """DeleteSnapshot."""
    key = params["SnapshotId"]
    found_or(world.books.get("snapshot", key), "InvalidSnapshot.NotFound", f"The snapshot '{key}' does not exist.")
    world.books.remove("snapshot", key)
    return {}


def _template(world: World, params: Params) -> Document:
    key = params["LaunchTemplateId"]
    found: Document = found_or(world.books.get("template", key), "InvalidLaunchTemplateId.NotFound", f"{key} does not exist")
    return found


def describe_launch_template_versions(world: World, params: Params) -> Document:
    """DescribeLaunchTemplateVersions."""
    template = _template(world, params)
    wanted = params.get("Versions") or list(template["versions"])
    numbers = [template["default"] if one == "$Default" else one for one in wanted]
    return {"LaunchTemplateVersions": [_version(template, number) for number in numbers if number in template["versions"]]}


def _version(template: Document, number: str) -> Document:
    return {
        "LaunchTemplateId": template["id"], "VersionNumber": int(number), "DefaultVersion": template["default"] == number,
        "VersionDescription": template["descriptions"].get(number, ""), "LaunchTemplateData": template["versions"][number],
    }  # fmt: skip


def create_launch_template_version(world: World, params: Params) -> Document:
    """CreateLaunchTemplateVersion, once for each client token."""
    template = _template(world, params)
    token = params["ClientToken"]
    if token not in template["tokens"]:
        base = template["versions"].get(params.get("SourceVersion", ""), {})
        number = str(template["last"] + 1)
        template["versions"][number] = {**base, **params["LaunchTemplateData"]}
        template["descriptions"][number] = params.get("VersionDescription", "")
        template["tokens"][token] = number
        template["last"] += 1
        world.books.put("template", template["id"], template)
    number = template["tokens"][token]
    if number not in template["versions"]:
        raise Refused("IdempotentParameterMismatch", f"version {number} was deleted")
    return {"LaunchTemplateVersion": _version(template, number)}


def modify_launch_template(world: World, params: Params) -> Document:
    """ModifyLaunchTemplate: choose the default version."""
    template = _template(world, params)
    if params["DefaultVersion"] not in template["versions"]:
        raise Refused("InvalidLaunchTemplateId.VersionNotFound", "there is no such version")
    world.books.put("template", template["id"], {**template, "default": params["DefaultVersion"]})
    return {"LaunchTemplate": {"LaunchTemplateId": template["id"], "DefaultVersionNumber": int(params["DefaultVersion"])}}


def delete_launch_template_versions(world: World, params: Params) -> Document:
    """DeleteLaunchTemplateVersions; the default one stays."""
    template = _template(world, params)
    for number in params["Versions"]:
        if number == template["default"]:
            raise Refused("InvalidLaunchTemplateId.VersionNotFound", "the default version cannot be deleted")
        template["versions"].pop(number, None)
        template["descriptions"].pop(number, None)
    world.books.put("template", template["id"], template)
    return {"SuccessfullyDeletedLaunchTemplateVersions": [
        {"LaunchTemplateId": template["id"], "VersionNumber": int(number)} for number in params["Versions"]
    ]}  # fmt: skip
