"""Step end_test: the test instance is ended, so that no copy of the server runs during the cutover."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.steps.launching import instances, remove


async def do(move: Move, server: Server) -> Evidence:
    """End the instance and its volumes."""
    return await remove(move, server, "READY_FOR_CUTOVER")


async def revert(move: Move, server: Server) -> Evidence:
    """Nothing: a test instance is thrown away; another test launches another."""
    return {"changed": False}


async def applied(move: Move, server: Server) -> bool:
    """Whether no instance of the migration is left."""
    return not await instances(move)
