"""How an application finds its database: the few lines that a moved application needs."""

from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

READ = "SELECT dsn, epoch FROM whimbrel.connection WHERE name = $1"
SECONDS = 3.0
TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a server's refusal or a broken connection raises; the last when a session is ended between two statements."""


class Place(NamedTuple):
    """Where the database is, by a record of some epoch; epoch 0 where nobody keeps a record."""

    dsn: str
    epoch: int


async def find(name: str, home: str, current: str) -> Place:
    """Read the record at home and where we are; the later epoch wins. Without a record anywhere: home."""
    found = [Place(home, 0)]
    for dsn in dict.fromkeys((home, current)):
        record = await _read(name, dsn)
        if record is not None:
            found.append(Place(with_login(record.dsn, home), record.epoch))
    return max(found, key=lambda place: place.epoch)


async def _read(name: str, dsn: str) -> Place | None:
    try:
        connection = await asyncpg.connect(dsn, timeout=SECONDS, command_timeout=SECONDS)
    except TROUBLE:
        return None
    try:
        row = await connection.fetchrow(READ, name)
    except TROUBLE:
        return None
    finally:
        connection.terminate()
    return None if row is None else Place(row["dsn"], row["epoch"])


def with_login(dsn: str, login: str) -> str:
    """A record's DSN with the user and password of another: records hold neither."""
    parts, giver = urlsplit(dsn), urlsplit(login)
    user = quote(giver.username or "", safe="%")
    secret = f":{quote(giver.password, safe='%')}" if giver.password else ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}{secret}@{host}"))
