"""Step mark_ready: the test is over, the server is ready for the cutover."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, state_of
from libs.providers.aws_mgn.move import Move


async def do(move: Move, server: Server) -> Evidence:
    """Mark it as ready for the cutover."""
    return await _mark(move, server, "READY_FOR_CUTOVER")


async def revert(move: Move, server: Server) -> Evidence:
    """Mark it as ready for a test; TESTING itself cannot be set."""
    if state_of(server) != "READY_FOR_CUTOVER":
        return {"changed": False}
    return await _mark(move, server, "READY_FOR_TEST")


async def applied(move: Move, server: Server) -> bool:
    """Whether it is marked."""
    return state_of(server) == "READY_FOR_CUTOVER"


async def _mark(move: Move, server: Server, stage: str) -> Evidence:
    changed = state_of(server) != stage
    if changed:
        await move.cloud.call("mgn", "change_server_life_cycle_state", sourceServerID=server["sourceServerID"], lifeCycle={"state": stage})
    return {"state": stage, "changed": changed}
