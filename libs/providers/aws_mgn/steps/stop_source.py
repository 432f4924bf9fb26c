"""Step stop_source: a source that is an EC2 instance is stopped, and can be started again until the move is final."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move

STOPPED = ("stopping", "stopped")


async def do(move: Move, server: Server) -> Evidence:
    """Stop it."""
    changed = await _state(move) not in STOPPED
    if changed:
        await move.cloud.call("ec2", "stop_instances", InstanceIds=[move.source.instance_id])
    return {"instance_id": move.source.instance_id, "changed": changed}


async def revert(move: Move, server: Server) -> Evidence:
    """Start it."""
    changed = await _state(move) in STOPPED
    if changed:
        await move.cloud.call("ec2", "start_instances", InstanceIds=[move.source.instance_id])
    return {"changed": changed}


async def applied(move: Move, server: Server) -> bool:
    """Whether it is stopped."""
    return await _state(move) in STOPPED


async def _state(move: Move) -> str:
    return str((await move.instance(move.source.instance_id)).get("State", {}).get("Name", ""))
