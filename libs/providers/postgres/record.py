"""The connection record: where applications find their database, in both servers and, where asked for, in a file."""

import os
import tempfile
from pathlib import Path

import msgspec

from libs.providers.base import ProviderError
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.move import Move
from libs.providers.postgres.options import allowed_file

UPSERT = """
INSERT INTO whimbrel.connection (name, dsn, epoch) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET dsn = excluded.dsn, epoch = excluded.epoch, changed_at = now()
"""


def source_dsn(move: Move) -> str:
    """What the record says before the switch."""
    return move.options.connection.source_dsn or move.source_endpoint.public_dsn


def target_dsn(move: Move) -> str:
    """What the record says after the switch."""
    return move.options.connection.target_dsn or move.target_endpoint.public_dsn


async def begin(connection: Connection, move: Move) -> None:
    """Point the record at the source, unless a record of that name is there."""
    query = "INSERT INTO whimbrel.connection (name, dsn, epoch) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING"
    await connection.execute(query, move.record_name, source_dsn(move))


async def epoch(connection: Connection, move: Move) -> int:
    """Epoch of the record; it rises with every switch, there and back."""
    return int(await connection.fetchval("SELECT epoch FROM whimbrel.connection WHERE name = $1", move.record_name) or 0)


async def write(connection: Connection, move: Move, dsn: str, number: int) -> None:
    """Point the record in one server to a DSN."""
    await connection.execute(UPSERT, move.record_name, dsn, number)


def write_file(move: Move, dsn: str, number: int) -> None:
    """Write the record to the file of the options, if one is named, in one piece. Raises ProviderError."""
    name = move.options.connection.file
    if not name:
        return
    if not allowed_file(name):
        raise ProviderError(
            "connection_file_refused", "the connection file is not below WHIMBREL_CONNECTION_DIR", category="cutover", retryable=False
        )
    try:
        with tempfile.NamedTemporaryFile("wb", dir=Path(name).parent, delete=False) as handle:
            handle.write(msgspec.json.encode({"name": move.record_name, "dsn": dsn, "epoch": number}) + b"\n")
        Path(handle.name).chmod(0o644)
        os.replace(handle.name, name)
    except OSError as error:
        raise ProviderError(
            "connection_file_failed", f"the connection file cannot be written: {error.strerror}", category="cutover"
        ) from None
