"""The operations of Application Migration Service that start jobs, and the instances and volumes that jobs make."""

from libs.testing.cloud.books import Document
from libs.testing.cloud.mgn import Params
from libs.testing.cloud.models import Refused
from libs.testing.cloud.world import MS, World, stamp

LARGEST_JOB = 200


def start_test(world: World, params: Params) -> Document:
    """StartTest."""
    return _launch(world, params, "START_TEST", "TESTING", ("READY_FOR_TEST", "TESTING"))


def start_cutover(world: World, params: Params) -> Document:
    """StartCutover."""
    return _launch(world, params, "START_CUTOVER", "CUTTING_OVER", ("READY_FOR_CUTOVER", "CUTTING_OVER"))


def terminate_target_instances(world: World, params: Params) -> Document:
    """TerminateTargetInstances; refused in the stages that the vendor names."""
    server = _single(world, params)
    if world.lifecycle(server) in ("TESTING", "CUTTING_OVER", "CUTOVER"):
        raise Refused("ConflictException", f"Source server is {world.lifecycle(server)}", 409)
    job = _job(world, server, params, "TERMINATE", "TERMINATE", world.script.terminate_ms)
    instance = world.books.get("instance", server["instance"]) if server["instance"] else None
    if instance and not instance["gone_at"]:
        job["instance"] = instance["id"]
        _end(world, instance, job["done_at"])
    world.books.put("job", job["id"], job)
    server.update(last_job=job["id"], stage=server["stage"], instance="")
    world.save(server)
    return {"job": described(world, job)}


def describe_jobs(world: World, params: Params) -> Document:
    """DescribeJobs, latest first."""
    wanted = params.get("filters", {}).get("jobIDs")
    return {"items": [described(world, job) for key, job in reversed(list(world.books.all("job"))) if not wanted or key in wanted]}


def describe_job_log_items(world: World, params: Params) -> Document:
    """DescribeJobLogItems of what has happened until now."""
    job = world.books.get("job", params["jobID"])
    if job is None:
        raise Refused("ValidationException", f"Job {params['jobID']} not found")
    events = ["JOB_START"]
    if world.now >= job["done_at"]:
        if job["type"] == "LAUNCH":
            events += ["SNAPSHOT_START", *(["SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT"] if job["stale"] else ["SNAPSHOT_END"])]
            events += ["CONVERSION_START", "CONVERSION_END", "LAUNCH_START", *(["LAUNCH_FAILED"] if job["failed"] else [])]
        events.append("JOB_END")
    data = {"sourceServerID": job["server"]}
    return {"items": [{"logDateTime": stamp(job["created_at"]), "event": event, "eventData": data} for event in events]}


def described(world: World, job: Document) -> Document:
    """A job in the words of the service."""
    over = world.now >= job["done_at"]
    started = world.now >= job["created_at"] + (job["done_at"] - job["created_at"]) // 10
    part: Document = {"sourceServerID": job["server"], "launchStatus": "IN_PROGRESS" if started else "PENDING"}
    if over:
        part["launchStatus"] = "TERMINATED" if job["type"] == "TERMINATE" else "FAILED" if job["failed"] else "LAUNCHED"
        if job["instance"]:
            part["launchedEc2InstanceID"] = job["instance"]
    return {
        "jobID": job["id"], "arn": world.arn("job", job["id"]), "type": job["type"], "initiatedBy": job["by"],
        "creationDateTime": stamp(job["created_at"]), "status": "COMPLETED" if over else "STARTED" if started else "PENDING",
        "participatingServers": [part], "tags": dict(job["tags"]), **({"endDateTime": stamp(job["done_at"])} if over else {}),
    }  # fmt: skip


def _single(world: World, params: Params) -> Document:
    """One server a call is what the provider asks; more would be a defect of it."""
    (key,) = params["sourceServerIDs"]
    server = world.server(key)
    if world.running_job(server):
        raise Refused("ConflictException", f"Source server {key} has a job in progress", 409)
    return server


def _job(world: World, server: Document, params: Params, kind: str, by: str, length_ms: int) -> Document:
    running = sum(world.now < job["done_at"] for _, job in world.books.all("job"))
    if running >= LARGEST_JOB:
        raise Refused("ConflictException", "Max source servers in all jobs reached", 409)
    return {
        "id": world.books.identifier("mgnjob-", "job"), "type": kind, "by": by, "server": server["id"], "tags": params.get("tags", {}),
        "created_at": world.now, "done_at": world.now + length_ms * MS, "failed": False, "stale": False, "instance": "",
        "stage": "", "stage_before": "",
    }  # fmt: skip


def _launch(world: World, params: Params, by: str, stage: str, allowed: tuple[str, ...]) -> Document:
    server = _single(world, params)
    before = world.lifecycle(server)
    if before not in allowed:
        raise Refused("ConflictException", f"wrong lifecycle state {before}", 409)
    job = _job(world, server, params, "LAUNCH", by, world.script.launch_ms)
    turn = world.books.count(f"launch {server['hostname']}")
    job["failed"] = world.books.drawn("launch", server["hostname"], turn) < world.script.launch_failures
    job["stale"] = world.books.drawn("stale", server["hostname"], turn) < world.script.stale_snapshots
    job.update(stage=stage, stage_before=before)
    earlier = world.books.get("instance", server["instance"]) if server["instance"] else None
    if earlier and not earlier["gone_at"]:
        _end(world, earlier, world.now)
    server["instance"] = ""
    if not job["failed"]:
        server["instance"] = job["instance"] = _new_instance(world, server, job)
    world.books.put("job", job["id"], job)
    server.update(stage=stage, synced=True, last_job=job["id"], jobs={**server["jobs"], stage: job["id"]})
    world.save(server)
    return {"job": described(world, job)}


def _new_instance(world: World, server: Document, job: Document) -> str:
    key = world.books.identifier("i-", "instance")
    number = world.books.count("address")
    template = world.books.get("template", server["template"]) or {"versions": {}, "default": "1"}
    data = template["versions"].get(template["default"], {})
    network = (data.get("NetworkInterfaces") or [{}])[0]
    tags = {"AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com", "AWSApplicationMigrationServiceSourceServerID": server["id"]}
    volume = world.books.identifier("vol-", "volume")
    ours = {one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in data.get("TagSpecifications", [])}
    world.books.put("volume", volume, {"id": volume, "instance": key, "tags": {**tags, **ours.get("volume", {})}, "bytes": server["bytes"]})
    tags = {**tags, **ours.get("instance", {})}
    world.books.put("instance", key, {
        "id": key, "job": job["id"], "server": server["id"], "launched_at": job["done_at"], "gone_at": 0, "stopped": False,
        "address": f"127.{64 + number // 62500 % 64}.{number // 250 % 250 + 1}.{number % 250 + 1}", "volume": volume, "tags": tags,
        "subnet": network.get("SubnetId", "subnet-default"), "groups": network.get("Groups", []),
        "type": data.get("InstanceType", "c5.large"), "stage": job["stage"], "migration": server["tags"].get("whimbrel:migration", ""),
        "healthy": world.books.drawn("health", server["hostname"], job["id"]) >= world.script.unhealthy,
    })  # fmt: skip
    return key


def _end(world: World, instance: Document, at: int) -> None:
    """An instance ends; its root volume stays, as those of the vendor's launch templates do."""
    world.books.put("instance", instance["id"], {**instance, "gone_at": max(at, 1)})
