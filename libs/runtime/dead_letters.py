"""A message that a reader could not take, as a record of the dead-letter topic: original bytes, position, reason."""

import re

from libs.contracts.operations import DeadLetter
from libs.runtime.codec import Codec, Record
from libs.runtime.errors import Poison
from libs.runtime.received import Received

_KEY = re.compile(rb"([a-z0-9][a-z0-9-]{0,39})/")


def dead_letter(codec: Codec, prefix: str, reader: str, message: Received, poison: Poison, now: int, tenant: str = "") -> Record:
    """The record to produce to `<prefix>.dead-letters`, keyed by reader and position so that a repeat overwrites itself.

    `tenant` is whom it concerns, where the reader knows better than the key.
    """
    place = f"{reader}/{message.topic}/{message.partition}/{message.offset}"
    letter = DeadLetter(
        reader=reader,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        reason=poison.reason,
        detail=poison.detail[:1_000],
        key=message.key,
        value=message.value,
        headers={name: value if isinstance(value, bytes) else b"" for name, value in message.headers},
        read_at=now,
        tenant=tenant or tenant_of(message.key),
    )
    return codec.plain(f"{prefix}.dead-letters", letter, place.encode(), [])


def tenant_of(key: bytes | None) -> str:
    """Tenant that a key of the form tenant/aggregate names; empty for any other key."""
    match = _KEY.match(key or b"")
    return match[1].decode() if match else ""
