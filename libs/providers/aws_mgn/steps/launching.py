"""Launching an instance of the source server by a job of MGN, and removing what was launched."""

from typing import Any

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, instance_of, state_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.names import MIGRATION, WORK
from libs.providers.base import ProviderError

TEST, CUTOVER = "lastTest", "lastCutover"
OPERATIONS = {TEST: "start_test", CUTOVER: "start_cutover"}
ENDED = ("terminated", "")


async def launch(move: Move, server: Server, which: str) -> Evidence:
    """Start the job, or find the one that this work started; a job that failed is started anew."""
    job = await last_job(move, server, which)
    if _ours(move, job):
        return {"job_id": job["jobID"], "changed": False}
    try:
        answer = await move.cloud.once("mgn", OPERATIONS[which], sourceServerIDs=[server["sourceServerID"]], tags=move.tags)
    except ProviderError as error:
        if error.problem.code != "conflict":
            raise
        job = await last_job(move, await move.server(), which)
        if not _ours(move, job):
            raise
        return {"job_id": job["jobID"], "changed": False}
    return {"job_id": str(answer["job"]["jobID"]), "changed": True}


def _ours(move: Move, job: dict[str, Any]) -> bool:
    return job.get("tags", {}).get(WORK) == move.work.work_id and launch_status(job) != "FAILED"


def launch_status(job: dict[str, Any]) -> str:
    """How far the launch of a job of one server is, as MGN calls it."""
    return str((job.get("participatingServers") or [{}])[0].get("launchStatus", ""))


async def last_job(move: Move, server: Server, which: str) -> dict[str, Any]:
    """The job that launched last, or nothing."""
    key = server.get("lifeCycle", {}).get(which, {}).get("initiated", {}).get("jobID")
    if not key:
        return {}
    answer = await move.cloud.call("mgn", "describe_jobs", filters={"jobIDs": [key]})
    return dict(answer["items"][0]) if answer["items"] else {}


async def remove(move: Move, server: Server, stage: str) -> Evidence:
    """End what was launched and delete its volumes, from any half-done point; `stage` is what the lifecycle goes back to.

    Where the source server is gone (`server` is empty), what it launched is found by its tags.
    """
    if server:
        await move.until(lambda: _idle(move), "the job of the source server")
        server = await move.server()
        if state_of(server) in ("TESTING", "CUTTING_OVER"):
            await _change(move, server, stage)
        server = await move.server()
    ended = await _terminate(move, server)
    volumes = await _delete_volumes(move)
    return {"terminated": ended, "deleted_volumes": volumes, "changed": bool(ended or volumes)}


async def _idle(move: Move) -> bool:
    server = await move.server()
    jobs = [await last_job(move, server, which) for which in OPERATIONS]
    return all(job.get("status", "COMPLETED") == "COMPLETED" for job in jobs)


async def _change(move: Move, server: Server, stage: str) -> None:
    await move.cloud.call("mgn", "change_server_life_cycle_state", sourceServerID=server["sourceServerID"], lifeCycle={"state": stage})


async def _terminate(move: Move, server: Server) -> int:
    """End every instance of the migration, by MGN where it still knows it, else by EC2."""
    alive = await instances(move)
    if instance_of(server) in alive:
        try:
            await move.cloud.once("mgn", "terminate_target_instances", sourceServerIDs=[server["sourceServerID"]], tags=move.tags)
        except ProviderError as error:
            # Another job of the server, perhaps this very one, is under way.
            if error.problem.code != "conflict":
                raise
    lost = [key for key in alive if key != instance_of(server)]
    if lost:
        await move.cloud.call("ec2", "terminate_instances", InstanceIds=lost)

    async def over() -> bool:
        return not await instances(move)

    if alive:
        await move.until(over, f"the end of instance {alive[0]}")
    return len(alive)


async def instances(move: Move) -> list[str]:
    """Instances that were launched for the migration and have not ended."""
    states = ["pending", "running", "stopping", "stopped", "shutting-down"]
    filters = [{"Name": f"tag:{MIGRATION}", "Values": [move.migration]}, {"Name": "instance-state-name", "Values": states}]
    pages = move.cloud.pages("ec2", "describe_instances", "Reservations", "NextToken", Filters=filters)
    return [one["InstanceId"] async for group in pages for one in group["Instances"]]


async def _delete_volumes(move: Move) -> int:
    filters = [{"Name": f"tag:{MIGRATION}", "Values": [move.migration]}, {"Name": "status", "Values": ["available"]}]
    gone = 0
    async for volume in move.cloud.pages("ec2", "describe_volumes", "Volumes", "NextToken", Filters=filters):
        try:
            await move.cloud.call("ec2", "delete_volume", VolumeId=volume["VolumeId"])
        except ProviderError as error:
            if error.problem.code != "volume_missing":
                raise
        gone += 1
    return gone
