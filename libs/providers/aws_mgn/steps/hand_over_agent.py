"""Step hand_over_agent: say what must be run on the source, to a person and to automation.

There is no source server yet to hold a fence: the automation holds it. Undone, nothing of the server is left in MGN.
"""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.fencing import enter
from libs.providers.aws_mgn.finding import Server, replication_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.ports import agents
from libs.providers.base import ProviderError


async def apply(move: Move) -> Evidence:
    """Order the agent; a source server that is there already needs none."""
    if await move.find() is None:
        await agents.order(move)
    return {
        "command": agents.command(move),
        "download": agents.download(move),
        "ordered": move.options.agents is not None,
        "changed": move.options.agents is not None,
    }


async def undo(move: Move) -> Evidence:
    """Withdraw the order, then disconnect and delete the source server."""
    await agents.withdraw(move)
    server = await move.find()
    if server is None:
        return {"undone": move.options.agents is not None}
    await enter(move.cloud, server, move.work)
    await remove(move, server)
    return {"undone": True, "deleted": server["sourceServerID"]}


async def applied(move: Move) -> Evidence:
    """Whether there is a source server of this migration; an order alone cannot be seen."""
    return {"applied": await move.find() is not None}


async def remove(move: Move, server: Server) -> None:
    """Disconnect a source server, which tells the agent to remove itself, and delete it."""
    key = server["sourceServerID"]
    try:
        if replication_of(server) != "DISCONNECTED":
            await move.cloud.call("mgn", "disconnect_from_service", sourceServerID=key)
        await move.cloud.call("mgn", "delete_source_server", sourceServerID=key)
    except ProviderError as error:
        # A repeat after a lost answer finds it disconnected, or gone.
        if error.problem.code == "source_server_missing":
            return
        now = await move.find()
        if now is None:
            return
        if error.problem.code != "conflict" or replication_of(now) != "DISCONNECTED":
            raise
        await move.cloud.call("mgn", "delete_source_server", sourceServerID=key)
