"""The operations of Application Migration Service on source servers."""

from typing import Any

from libs.testing.cloud.books import Document
from libs.testing.cloud.models import Refused
from libs.testing.cloud.world import World, stamp

Params = dict[str, Any]


def described(world: World, server: Document) -> Document:
    """A source server in the words of the service."""
    share, state, size = world.synced_share(server), world.replication_state(server), server["bytes"]
    info: Document = {"dataReplicationState": state}
    if state != "DISCONNECTED":
        done = int(size * share)
        backlog = 4096 if state == "CONTINUOUS" else 0
        disk = {"deviceName": "/dev/sda", "totalStorageBytes": size, "replicatedStorageBytes": done, "backloggedStorageBytes": backlog}
        info["replicatedDisks"] = [disk]
    if state == "CONTINUOUS":
        info["lagDuration"] = f"PT{world.script.lag_s * (0.5 + world.books.drawn('lag', server['hostname'], world.now // 10**6)):.1f}S"
    life: Document = {"addedToServiceDateTime": stamp(server["added_at"]), "state": world.lifecycle(server)}
    for stage, name in (("TESTING", "lastTest"), ("CUTTING_OVER", "lastCutover")):
        if job := server["jobs"].get(stage):
            started = (world.job(job) or {"created_at": 0})["created_at"]
            life[name] = {"initiated": {"apiCallDateTime": stamp(started), "jobID": job}}
    found: Document = {
        "sourceServerID": server["id"], "arn": world.arn("source-server", server["id"]), "isArchived": server["archived"],
        "tags": dict(server["tags"]), "dataReplicationInfo": info, "lifeCycle": life, "replicationType": "AGENT_BASED",
        "sourceProperties": {"identificationHints": {"hostname": server["hostname"]}, "disks": [{"deviceName": "/dev/sda", "bytes": size}]},
    }  # fmt: skip
    instance = world.books.get("instance", server["instance"]) if server["instance"] else None
    if instance and world.instance_state(instance) in ("running", "stopped"):
        found["launchedInstance"] = {"ec2InstanceID": server["instance"], "jobID": instance["job"], "firstBoot": "SUCCEEDED"}
    return found


def describe_source_servers(world: World, params: Params) -> Document:
    """DescribeSourceServers, in pages."""
    wanted = params.get("filters", {}).get("sourceServerIDs")
    archived = params.get("filters", {}).get("isArchived")
    found = [
        described(world, server)
        for key, server in world.books.all("server")
        if (not wanted or key in wanted) and (archived is None or server["archived"] == archived)
    ]
    first, size = int(params.get("nextToken", 0)), params.get("maxResults", 50)
    more = {"nextToken": str(first + size)} if first + size < len(found) else {}
    return {"items": found[first : first + size], **more}


def disconnect_from_service(world: World, params: Params) -> Document:
    """DisconnectFromService."""
    server = world.server(params["sourceServerID"])
    _no_job(world, server)
    if server["replication"] == "disconnected":
        raise Refused("ConflictException", "Source server is already disconnected", 409)
    server["replication"] = "disconnected"
    world.save(server)
    return described(world, server)


def delete_source_server(world: World, params: Params) -> Document:
    """DeleteSourceServer, for disconnected ones only."""
    server = world.server(params["sourceServerID"])
    if server["replication"] != "disconnected":
        raise Refused("ConflictException", "Source server must be disconnected from service", 409)
    world.books.remove("server", server["id"])
    world.books.remove("template", server["template"])
    return {}


def start_replication(world: World, params: Params) -> Document:
    """StartReplication, within the quota."""
    server = world.server(params["sourceServerID"])
    if server["replication"] == "running":
        raise Refused("ConflictException", "Replication is already started", 409)
    if server["replication"] == "disconnected":
        raise Refused("ValidationException", "Source server is disconnected")
    if world.replicating() >= world.script.quota:
        raise Refused("ServiceQuotaExceededException", "Max Active Source Servers reached", 402)
    server.update(replication="running", started_at=world.now)
    world.save(server)
    return described(world, server)


def stop_replication(world: World, params: Params) -> Document:
    """StopReplication."""
    server = world.server(params["sourceServerID"])
    _no_job(world, server)
    if server["replication"] != "running":
        raise Refused("ConflictException", "Replication is not started", 409)
    server.update(replication="stopped", synced=False, stage="")
    world.save(server)
    return described(world, server)


def change_server_life_cycle_state(world: World, params: Params) -> Document:
    """ChangeServerLifeCycleState, for launchable servers."""
    server = world.server(params["sourceServerID"])
    if world.lifecycle(server) in ("CUTOVER", "DISCONNECTED"):
        raise Refused("ConflictException", "Cannot ChangeServerLifeCycleState for a CUTOVER server.", 409)
    _no_job(world, server)
    if world.replication_state(server) != "CONTINUOUS":
        raise Refused("ConflictException", "Source server is not launchable", 409)
    stage = params["lifeCycle"]["state"]
    server.update(stage="" if stage == "READY_FOR_TEST" else stage, synced=True)
    world.save(server)
    return described(world, server)


def finalize_cutover(world: World, params: Params) -> Document:
    """FinalizeCutover."""
    server = world.server(params["sourceServerID"])
    _no_job(world, server)
    if world.lifecycle(server) != "CUTTING_OVER":
        raise Refused("ConflictException", "Source server is not cutting over", 409)
    server.update(stage="CUTOVER", replication="disconnected")
    world.save(server)
    return described(world, server)


def mark_as_archived(world: World, params: Params) -> Document:
    """MarkAsArchived."""
    server = world.server(params["sourceServerID"])
    if world.lifecycle(server) not in ("CUTOVER", "DISCONNECTED"):
        raise Refused("ConflictException", "Source server must be disconnected or cut over", 409)
    server["archived"] = True
    world.save(server)
    return described(world, server)


def tag_resource(world: World, params: Params) -> Document:
    """TagResource on a source server."""
    server = world.server(params["resourceArn"].rpartition("/")[2])
    server["tags"].update(params["tags"])
    if len(server["tags"]) > 50:
        raise Refused("ValidationException", "too many tags")
    world.save(server)
    return {}


def untag_resource(world: World, params: Params) -> Document:
    """UntagResource on a source server."""
    server = world.server(params["resourceArn"].rpartition("/")[2])
    for key in params["tagKeys"]:
        server["tags"].pop(key, None)
    world.save(server)
    return {}


def get_launch_configuration(world: World, params: Params) -> Document:
    """GetLaunchConfiguration."""
    server = world.server(params["sourceServerID"])
    return {"sourceServerID": server["id"], "ec2LaunchTemplateID": server["template"], "launchDisposition": "STARTED"}


def describe_replication_configuration_templates(world: World, params: Params) -> Document:
    """DescribeReplicationConfigurationTemplates."""
    if not world.books.get("account", "mgn"):
        raise Refused("UninitializedAccountException", "Account not initialized")
    return {"items": [document for _, document in world.books.all("replication template")]}


def describe_launch_configuration_templates(world: World, params: Params) -> Document:
    """DescribeLaunchConfigurationTemplates."""
    return {"items": [document for _, document in world.books.all("launch template default")]}


def _no_job(world: World, server: Document) -> None:
    if world.running_job(server):
        raise Refused("ConflictException", f"Source server {server['id']} has a job in progress", 409)
