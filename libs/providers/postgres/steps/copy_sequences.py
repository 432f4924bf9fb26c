"""Step copy_sequences: let the target's sequences go on where the source's stopped."""

from libs.contracts.values import Evidence
from libs.providers.postgres import catalog
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move, recorded


async def apply(move: Move) -> Evidence:
    """Set every sequence of the target to its twin's state."""
    async with move.source() as source, move.fenced_target() as target:
        return {"sequences": await copy_states(source, recorded(target))}


async def undo(move: Move) -> Evidence:
    """Set every sequence of the target back to its start."""
    async with move.fenced_target() as target:
        if target is None:
            return {"undone": False}
        names = await catalog.sequences(target)
        for name in names:
            await target.execute(
                f"SELECT setval('{_literal(name)}', seqstart, false) FROM pg_sequence WHERE seqrelid = '{_literal(name)}'::regclass"
            )
        return {"undone": bool(names)}


async def applied(move: Move) -> bool:
    """Whether every sequence has its twin's state."""
    async with move.source() as source, move.target() as target:
        return await states(source) == await states(target)


async def states(connection: Connection) -> dict[str, tuple[int, bool]]:
    """Last value of each sequence, and whether it was given out."""
    names = await catalog.sequences(connection)
    if not names:
        return {}
    query = " UNION ALL ".join(f"SELECT '{_literal(name)}' AS name, last_value, is_called FROM {name}" for name in names)
    return {row["name"]: (row["last_value"], row["is_called"]) for row in await connection.fetch(query)}


async def copy_states(giver: Connection, taker: Connection) -> int:
    """Set the sequences of one server to the state of the other's, and return how many there are."""
    given = await states(giver)
    await taker.executemany("SELECT setval($1::text::regclass, $2, $3)", [(name, value, called) for name, (value, called) in given.items()])
    return len(given)


def _literal(name: str) -> str:
    return name.replace("'", "''")
