"""Steps factory_started and factory_finished: Cloud Migration Factory knows how far the server and its wave are."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.options import Factory
from libs.providers.aws_mgn.ports import factory


async def started(move: Move, server: Server) -> Evidence:
    """The server has begun to move."""
    port, before = _known(move)
    return {"status": port.started, "changed": await factory.tell(port, port.started, before["wave"])}


async def finished(move: Move, server: Server) -> Evidence:
    """The server has moved."""
    port, before = _known(move)
    return {"status": port.finished, "changed": await factory.tell(port, port.finished, before["wave"])}


async def revert(move: Move, server: Server) -> Evidence:
    """The server has what it had at the inspection, and the wave what its servers make of it."""
    port, before = _known(move)
    return {"status": before["server"], "changed": await factory.tell(port, before["server"], before["wave"])}


async def was_started(move: Move, server: Server) -> bool:
    """Whether the factory knows that the server has begun."""
    port, _ = _known(move)
    return (await factory.read(port))["server"] == port.started


async def was_finished(move: Move, server: Server) -> bool:
    """Whether the factory knows that the server has moved."""
    port, _ = _known(move)
    return (await factory.read(port))["server"] == port.finished


def _known(move: Move) -> tuple[Factory, dict[str, str]]:
    assert move.options.factory is not None
    return move.options.factory, move.work.parameters["before"]
