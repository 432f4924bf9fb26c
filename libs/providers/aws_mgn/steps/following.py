"""The checks: the agent has come, replication is far enough, a launch has ended well, the application answers."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.durations import seconds
from libs.providers.aws_mgn.finding import Server, replication_of, state_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.ports import agents, probing
from libs.providers.aws_mgn.steps.launching import CUTOVER, TEST, last_job, launch_status
from libs.providers.base import NotYet, ProviderError

STALE = ("SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT")


async def agent_appeared(move: Move) -> Evidence:
    """A source server with the migration's tag is in MGN."""
    server = await move.look()
    if server is None:
        message = f"no source server has come for {move.migration} yet: the agent is not installed"
        raise NotYet(
            "agent_missing", message, category="source_preparation", remedy=f"run on {move.source.hostname}: {agents.command(move)}"
        )
    return {"source_server_id": server["sourceServerID"], "state": state_of(server), "replication": replication_of(server)}


async def initial_sync(move: Move) -> Evidence:
    """Everything has been copied once, and the server can be launched."""
    server = await move.seen()
    done, total = replicated(server)
    await move.progress(done, total, "bytes")
    _not_broken(server)
    if replication_of(server) != "CONTINUOUS" or state_of(server) in ("NOT_READY", "STOPPED"):
        message = f"replication is in state {replication_of(server)}, {done} of {total} bytes are copied"
        raise NotYet("not_synchronised", message, remedy=_error(server))
    return {"bytes": total, "replicated_bytes": done, "lag_seconds": lag(server)}


async def lag_low(move: Move) -> Evidence:
    """The lag is low enough for a test."""
    return await _lag_below(move, move.options.max_lag_seconds)


async def cutover_lag_low(move: Move) -> Evidence:
    """The lag is low enough for the cutover."""
    return await _lag_below(move, move.options.max_cutover_lag_seconds)


async def _lag_below(move: Move, most: float) -> Evidence:
    server = await move.seen()
    _not_broken(server)
    now, backlog = lag(server), backlogged(server)
    if now < 0 or now > most:
        how = f"{now:.1f} s" if now >= 0 else "unknown"
        message = f"the lag is {how} with {backlog} bytes to go, and may be {most:.1f} s"
        raise NotYet("lag_too_high", message, category="verification", remedy="check the bandwidth from the source to the staging area")
    return {"lag_seconds": now, "max_lag_seconds": most, "backlog_bytes": backlog}


async def test_launched(move: Move) -> Evidence:
    """The job of the test ended with a running instance."""
    return await _launched(move, TEST)


async def cutover_launched(move: Move) -> Evidence:
    """The job of the cutover ended with a running instance that was made from a fresh snapshot."""
    return await _launched(move, CUTOVER)


async def _launched(move: Move, which: str) -> Evidence:
    job = await last_job(move, await move.server(), which)
    if not job:
        raise ProviderError("launch_missing", "no job was started for this server", retryable=False, remedy="retry from the launch")
    if job["status"] != "COMPLETED":
        raise NotYet("launch_running", f"job {job['jobID']} is {job['status']}", remedy="wait; look at the job in MGN")
    events = {one["event"]: one async for one in move.cloud.pages("mgn", "describe_job_log_items", "items", jobID=job["jobID"])}
    if launch_status(job) != "LAUNCHED":
        raw = str(events.get("LAUNCH_FAILED", events.get("CONVERSION_FAIL", {})).get("eventData", {}).get("rawError", ""))
        message = f"job {job['jobID']} ended with {launch_status(job)} {raw}".strip()
        raise ProviderError(
            "launch_failed", message, retryable=False, remedy="read the log of the job in MGN, mend, then retry from the launch"
        )
    stale = any(event in events for event in STALE)
    if stale and which == CUTOVER:
        message = f"job {job['jobID']} could not take a last snapshot and used an older one: the instance lacks the latest writes"
        remedy = "keep the source and its agent running, then retry from the launch"
        raise ProviderError("stale_snapshot", message, category="cutover", retryable=False, remedy=remedy)
    return await _running(move, job, stale)


async def _running(move: Move, job: Server, stale: bool) -> Evidence:
    key = str(job["participatingServers"][0]["launchedEc2InstanceID"])
    instance = await move.instance(key)
    state = instance.get("State", {}).get("Name", "gone")
    if state != "running":
        raise NotYet("instance_not_running", f"instance {key} is {state}", remedy="look at the instance in EC2")
    address = str(instance.get("PrivateIpAddress", ""))
    return {"job_id": job["jobID"], "instance_id": key, "private_ip": address, "older_snapshot": stale}


async def test_healthy(move: Move) -> Evidence:
    """The application answers on the test instance."""
    return await _healthy(move)


async def cutover_healthy(move: Move) -> Evidence:
    """The application answers on the cutover instance, while the source still replicates with little lag."""
    return {**await _lag_below(move, move.options.max_cutover_lag_seconds), **await _healthy(move)}


async def _healthy(move: Move) -> Evidence:
    instance, address = await move.address(await move.server())
    slowest = 0.0
    for probe in move.options.health:
        wrong, took = await probing.answers(probe, address)
        if wrong:
            message = f"{probe.kind} port {probe.port} of instance {instance} ({address}): {wrong}"
            raise NotYet("unhealthy", message, category="verification", remedy="look at the instance's console and its security groups")
        slowest = max(slowest, took)
    return {"instance_id": instance, "probes": len(move.options.health), "slowest_ms": round(slowest, 1)}


def replicated(server: Server) -> tuple[int, int]:
    """Bytes copied, and bytes in all."""
    disks = server.get("dataReplicationInfo", {}).get("replicatedDisks", [])
    return sum(disk.get("replicatedStorageBytes", 0) for disk in disks), sum(disk.get("totalStorageBytes", 0) for disk in disks)


def backlogged(server: Server) -> int:
    """Bytes written at the source that have not arrived."""
    disks = server.get("dataReplicationInfo", {}).get("replicatedDisks", [])
    return sum(disk.get("backloggedStorageBytes", 0) for disk in disks)


def lag(server: Server) -> float:
    """Seconds that the copy is behind; -1 while MGN does not say."""
    return seconds(server.get("dataReplicationInfo", {}).get("lagDuration"))


def _error(server: Server) -> str:
    error = server.get("dataReplicationInfo", {}).get("dataReplicationError", {})
    return f"MGN says {error['error']}" if error.get("error") else "wait; look at the server in MGN"


def _not_broken(server: Server) -> None:
    if replication_of(server) == "DISCONNECTED":
        message = "the source server was disconnected from MGN"
        remedy = "install the agent again with the migration's tag"
        raise ProviderError("agent_disconnected", message, category="source_preparation", retryable=False, remedy=remedy)
