"""Step switch_dns: the address record leads to the cutover instance."""

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.options import Dns
from libs.providers.aws_mgn.ports import dns
from libs.providers.aws_mgn.ports.dns import Record


async def do(move: Move, server: Server) -> Evidence:
    """Replace the record that was found at the inspection."""
    port, before = _known(move)
    instance, address = await move.address(server)
    now, after = await dns.read(move.cloud, port), dns.wanted(port, address)
    if now == after:
        return {"record": port.name, "address": address, "changed": False}
    if now != before:
        raise dns.changed_by_others(port)
    await move.remember(server, instance, address)
    await dns.replace(move.cloud, port, before, after)
    return {"record": port.name, "address": address, "ttl_seconds": port.ttl, "changed": True}


async def revert(move: Move, server: Server) -> Evidence:
    """Put the former record back if the present one is ours."""
    port, before = _known(move)
    now = await dns.read(move.cloud, port)
    if now == before:
        return {"changed": False}
    _, address = await move.remembered(server)
    if now != dns.wanted(port, address):
        raise dns.changed_by_others(port)
    await dns.replace(move.cloud, port, now, before)
    return {"changed": True}


async def applied(move: Move, server: Server) -> bool:
    """Whether the record leads to the cutover instance."""
    port, _ = _known(move)
    now = await dns.read(move.cloud, port)
    return now is not None and now == dns.wanted(port, (await move.remembered(server))[1])


def _known(move: Move) -> tuple[Dns, Record | None]:
    assert move.options.dns is not None
    return move.options.dns, move.work.parameters["before"]
