"""Step copy_schema: make every definition of the source in the empty target, all of them or none."""

import hashlib

import msgspec

from libs.contracts.values import Evidence
from libs.providers.base import ProviderError
from libs.providers.postgres import catalog, emptying
from libs.providers.postgres.dumping import dump_schema
from libs.providers.postgres.move import Move, recorded

NAME = "copy_schema"


async def apply(move: Move) -> Evidence:
    """Dump the definitions of the source and run them on the target in one transaction."""
    async with move.fenced_target() as fenced:
        target = recorded(fenced)
        if await move.recall(target, NAME) is None:
            script = await source_schema(move)
            async with target.transaction():
                if left := await emptying.contents(target):
                    message = f"the target is not empty: it holds {left[0]} and {len(left) - 1} more"
                    raise ProviderError(
                        "target_not_empty", message, category="source_preparation", retryable=False, remedy="empty it or use another"
                    )
                before = emptying.as_detail(await emptying.baseline(target))
                await move.remember(target, NAME, {"before": before, "digest": digest(script)})
                await target.execute(script)
                # The script leaves its own settings behind, search_path among them.
                await target.execute("SET search_path = pg_catalog")
        return {"tables": len(await catalog.tables(target)), "sequences": len(await catalog.sequences(target))}


async def undo(move: Move) -> Evidence:
    """Drop everything that was not in the target before."""
    async with move.fenced_target() as target:
        detail = None if target is None else await move.recall(target, NAME)
        if target is None or detail is None:
            return {"undone": False}
        async with target.transaction():
            statements = await emptying.empty(target, msgspec.convert(detail["before"], emptying.Baseline))
            await move.erase(target, NAME)
        return {"undone": True, "dropped": statements}


async def applied(move: Move) -> bool:
    """Whether the definitions were made."""
    async with move.target() as target:
        return await move.recall(target, NAME) is not None


async def source_schema(move: Move) -> str:
    """The definitions of the source as SQL."""
    async with move.source() as source:
        major = source.get_server_version().major
    return await dump_schema(move.source_endpoint, move.application, major, roles=move.options.roles == "require")


def digest(script: str) -> str:
    """Hash of a dump, to notice that definitions changed; replica identities aside, which the move itself changes."""
    lines = (line for line in script.splitlines() if line and " REPLICA IDENTITY " not in line)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
