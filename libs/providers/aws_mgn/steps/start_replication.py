"""Step start_replication: see to it that the source server replicates. A fresh agent starts by itself where a place is free."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, replication_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.names import FOUND
from libs.providers.base import ProviderError

RESTING = {"STOPPED": "start_replication", "PAUSED": "resume_replication", "STALLED": "retry_data_replication"}
"""Operations that bring replication on its way, by its state."""


async def do(move: Move, server: Server) -> Evidence:
    """Start, resume or retry; first write down how it was found, for the undo."""
    state = replication_of(server)
    if state == "DISCONNECTED":
        message = "the source server is disconnected from MGN"
        remedy = "install the agent again with the migration's tag"
        raise ProviderError("agent_disconnected", message, category="source_preparation", retryable=False, remedy=remedy)
    found = server["tags"].get(FOUND)
    if found is None:
        found = "stopped" if state == "STOPPED" else "running"
        await move.cloud.call("mgn", "tag_resource", resourceArn=server["arn"], tags={FOUND: found})
    if state in RESTING:
        await _begin(move, server, RESTING[state])
    return {"found": found, "state": replication_of(await move.server()), "changed": state in RESTING}


async def _begin(move: Move, server: Server, operation: str) -> None:
    try:
        await move.cloud.call("mgn", operation, sourceServerID=server["sourceServerID"])
    except ProviderError as error:
        # A repeat after a lost answer, or another executor, finds it on its way.
        if error.problem.code != "conflict" or replication_of(await move.server()) in RESTING:
            raise


async def revert(move: Move, server: Server) -> Evidence:
    """Stop replication if this migration started it."""
    stopping = server["tags"].get(FOUND) == "stopped" and replication_of(server) not in ("STOPPED", "DISCONNECTED")
    if stopping:
        try:
            await move.cloud.call("mgn", "stop_replication", sourceServerID=server["sourceServerID"])
        except ProviderError as error:
            if error.problem.code != "conflict" or replication_of(await move.server()) not in ("STOPPED", "DISCONNECTED"):
                raise
    if FOUND in server["tags"]:
        await move.cloud.call("mgn", "untag_resource", resourceArn=server["arn"], tagKeys=[FOUND])
    return {"stopped": stopping, "changed": stopping}


async def applied(move: Move, server: Server) -> bool:
    """Whether it was seen to and replication is on its way."""
    return FOUND in server["tags"] and replication_of(server) not in (*RESTING, "DISCONNECTED")
