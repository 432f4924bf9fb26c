"""Step launch_cutover: the instance that takes over. Its undo ends it; the source runs and replicates all the while."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, state_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.steps.launching import CUTOVER, launch, remove


async def do(move: Move, server: Server) -> Evidence:
    """Start the job."""
    return await launch(move, server, CUTOVER)


async def revert(move: Move, server: Server) -> Evidence:
    """End the instance and its volumes."""
    return await remove(move, server, "READY_FOR_CUTOVER")


async def applied(move: Move, server: Server) -> bool:
    """Whether a cutover was started and not taken back."""
    return state_of(server) == "CUTTING_OVER"
