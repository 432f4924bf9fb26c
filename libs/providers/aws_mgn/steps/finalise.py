"""Steps finalise, the point of no return, and archive: replication ends, and the source server leaves the list."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, state_of
from libs.providers.aws_mgn.move import Move
from libs.providers.base import ProviderError


async def finalise(move: Move, server: Server) -> Evidence:
    """Finalise the cutover: MGN drops what it replicated and tells the agent to remove itself."""
    changed = state_of(server) != "CUTOVER"
    if changed:
        try:
            await move.cloud.call("mgn", "finalize_cutover", sourceServerID=server["sourceServerID"])
        except ProviderError as error:
            # A repeat after a lost answer finds it final.
            if error.problem.code != "conflict" or not await finalised(move, await move.server()):
                raise
    return {"source_server_id": server["sourceServerID"], "changed": changed}


async def archive(move: Move, server: Server) -> Evidence:
    """Mark the source server as archived."""
    changed = not server.get("isArchived", False)
    if changed:
        await move.cloud.call("mgn", "mark_as_archived", sourceServerID=server["sourceServerID"])
    return {"changed": changed}


async def finalised(move: Move, server: Server) -> bool:
    """Whether the cutover is final."""
    return state_of(server) == "CUTOVER"


async def archived(move: Move, server: Server) -> bool:
    """Whether it is archived."""
    return bool(server.get("isArchived"))


async def irreversible(move: Move, server: Server) -> Evidence:
    """Nothing brings this back: the agent would have to be installed anew."""
    raise ProviderError("beyond_return", "a finalised cutover cannot be undone", category="rollback", retryable=False)
