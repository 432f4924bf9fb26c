"""Step launch_test: a test instance. Its undo ends it and makes the server ready for another test."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server, state_of
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.steps.launching import TEST, launch, remove


async def do(move: Move, server: Server) -> Evidence:
    """Start the job."""
    return await launch(move, server, TEST)


async def revert(move: Move, server: Server) -> Evidence:
    """End the instance and its volumes."""
    return await remove(move, server, "READY_FOR_TEST")


async def applied(move: Move, server: Server) -> bool:
    """Whether a test was started and not taken back."""
    return state_of(server) == "TESTING"
