"""An act on the source server under its fence: look, do, look again, and take back what came too late."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.fencing import enter, fences, standing
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.base import Fenced


class Act(NamedTuple):
    """One act: what it does, what takes it back, whether it stands."""

    do: Callable[[Move, Server], Awaitable[Evidence]]
    """Does it, or finds it done; evidence `changed` says which."""
    revert: Callable[[Move, Server], Awaitable[Evidence]]
    """Takes it back from any half-done point."""
    applied: Callable[[Move, Server], Awaitable[bool]]
    reversible: bool = True
    """False for what cannot be taken back, not even by an executor that came too late."""
    outlives: bool = False
    """True for what stays when somebody deletes the source server: `revert` is then given an empty one."""


async def apply(move: Move, act: Act) -> Evidence:
    """Do an act once. Raises Fenced for an executor that came too late, after it has taken back what it did."""
    server = await move.server()
    await enter(move.cloud, server, move.work)
    server = await move.server()
    if not standing(server, move.work):
        raise _fenced(move, server)
    evidence = await act.do(move, server)
    server = await move.server()
    if not standing(server, move.work):
        if act.reversible and evidence["changed"]:
            await act.revert(move, server)
        raise _fenced(move, server)
    return evidence


async def undo(move: Move, act: Act) -> Evidence:
    """Take an act back; where the source server is gone, what of it was elsewhere. Nobody can fence it then, and nobody can redo it."""
    server = await move.find()
    if server is None:
        return {"undone": True, **await act.revert(move, {})} if act.outlives else {"undone": False, "changed": False}
    await enter(move.cloud, server, move.work)
    server = await move.server()
    if not standing(server, move.work):
        raise _fenced(move, server)
    return {"undone": True, **await act.revert(move, server)}


async def applied(move: Move, act: Act) -> Evidence:
    """Whether an act stands."""
    server = await move.find()
    return {"applied": server is not None and await act.applied(move, server)}


def _fenced(move: Move, server: Server) -> Fenced:
    return Fenced(max(fences(server)), move.work.fence)
