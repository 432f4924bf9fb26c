"""Step snapshot_source: a snapshot of every volume of a source that is an EC2 instance."""

from typing import Any

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.names import MIGRATION, WORK, tag_list, tag_map
from libs.providers.base import NotYet, ProviderError


async def do(move: Move, server: Server) -> Evidence:
    """Start the snapshots, unless this work has; several are crash-consistent with each other."""
    mine = await _found(move, move.work.work_id)
    if not mine:
        await move.cloud.once(
            "ec2",
            "create_snapshots",
            InstanceSpecification={"InstanceId": move.source.instance_id},
            Description=f"whimbrel {move.migration}",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tag_list(move.tags)}],
        )
        return {"snapshots": len(await _found(move, move.work.work_id)), "changed": True}
    return {"snapshots": len(mine), "changed": False}


async def revert(move: Move, server: Server) -> Evidence:
    """Delete every snapshot of the migration."""
    gone = 0
    for one in await _found(move):
        try:
            await move.cloud.call("ec2", "delete_snapshot", SnapshotId=one["SnapshotId"])
        except ProviderError as error:
            if error.problem.code != "snapshot_missing":
                raise
        gone += 1
    return {"deleted_snapshots": gone, "changed": bool(gone)}


async def applied(move: Move, server: Server) -> bool:
    """Whether there are snapshots."""
    return bool(await _found(move))


async def snapshot_completed(move: Move) -> Evidence:
    """Check: every snapshot is complete."""
    found = await _found(move)
    broken = [one["SnapshotId"] for one in found if one["State"] == "error"]
    if broken or not found:
        message = f"snapshot {broken[0]} failed" if broken else "there is no snapshot"
        raise ProviderError("snapshot_failed", message, category="source_preparation", retryable=False, remedy="retry from snapshot_source")
    waiting = [one["SnapshotId"] for one in found if one["State"] != "completed"]
    if waiting:
        raise NotYet("snapshot_pending", f"{len(waiting)} of {len(found)} snapshots are not complete", category="source_preparation")
    return {"snapshots": len(found), "snapshot_id": str(found[0]["SnapshotId"])}


async def _found(move: Move, work_id: str = "") -> list[dict[str, Any]]:
    filters = [{"Name": f"tag:{MIGRATION}", "Values": [move.migration]}]
    pages = move.cloud.pages("ec2", "describe_snapshots", "Snapshots", "NextToken", Filters=filters, OwnerIds=["self"])
    return [one async for one in pages if not work_id or tag_map(one.get("Tags")).get(WORK) == work_id]
