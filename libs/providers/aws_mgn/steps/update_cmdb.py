"""Step update_cmdb: the configuration item says where the server is now."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.options import Cmdb
from libs.providers.aws_mgn.ports import cmdb
from libs.providers.aws_mgn.ports.cmdb import Fields
from libs.providers.base import ProviderError


async def do(move: Move, server: Server) -> Evidence:
    """Set the fields, unless somebody else has changed one since the inspection."""
    port, before = _known(move)
    instance, address = await move.address(server)
    now, after = await cmdb.read(port), cmdb.wanted(port, instance, address)
    _unchanged(port, now, before, after)
    if now == after:
        return {"item": port.item, "changed": False}
    await move.remember(server, instance, address)
    await cmdb.write(port, after)
    return {"item": port.item, "fields": len(after), "changed": True}


async def revert(move: Move, server: Server) -> Evidence:
    """Give the fields their former values back."""
    port, before = _known(move)
    now = await cmdb.read(port)
    if now == before:
        return {"changed": False}
    _unchanged(port, now, before, cmdb.wanted(port, *await move.remembered(server)))
    await cmdb.write(port, before)
    return {"changed": True}


async def applied(move: Move, server: Server) -> bool:
    """Whether the fields are set."""
    port, _ = _known(move)
    return await cmdb.read(port) == cmdb.wanted(port, *await move.remembered(server))


def _known(move: Move) -> tuple[Cmdb, Fields]:
    assert move.options.cmdb is not None
    return move.options.cmdb, move.work.parameters["before"]


def _unchanged(port: Cmdb, now: Fields, before: Fields, after: Fields) -> None:
    for name, value in now.items():
        if value not in (before.get(name), after[name]):
            message = f"field {name} of item {port.item} is neither what it was at the inspection nor what this migration made it"
            raise ProviderError("item_changed", message, category="cutover", retryable=False, remedy="put it back, then retry")
