"""A message that a reader could not take, as a record of the dead-letter topic: original bytes, position, reason."""

import hashlib
import re

from libs.contracts.operations import DeadLetter
from libs.contracts.topics import MESSAGE_MAX_BYTES
from libs.runtime.codec import Codec, Record
from libs.runtime.errors import Poison
from libs.runtime.received import Received

_KEY = re.compile(rb"([a-z0-9][a-z0-9-]{0,39})/")


def dead_letter(codec: Codec, prefix: str, reader: str, message: Received, poison: Poison, now: int, tenant: str = "") -> Record:
    """The record to produce to `<prefix>.dead-letters`, keyed by reader and position so that a repeat overwrites itself.

    `tenant` is whom it concerns, where the reader knows better than the key.
    """
    place = f"{reader}/{message.topic}/{message.partition}/{message.offset}"
    value, detail = message.value, poison.detail[:1_000]
    if value is not None and len(value) > MESSAGE_MAX_BYTES:
        # A topic's limit holds for what is compressed, so a value can be larger than any dead letter may be.
        detail = f"{detail}; of {len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}, the first {MESSAGE_MAX_BYTES} are kept"
        value = value[:MESSAGE_MAX_BYTES]
    letter = DeadLetter(
        reader=reader,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        reason=poison.reason,
        detail=detail,
        key=message.key,
        value=value,
        headers={name: value if isinstance(value, bytes) else b"" for name, value in message.headers},
        read_at=now,
        tenant=tenant or tenant_of(message.key),
    )
    return codec.plain(f"{prefix}.dead-letters", letter, place.encode(), [])


def tenant_of(key: bytes | None) -> str:
    """Tenant that a key of the form tenant/aggregate names; empty for any other key."""
    match = _KEY.match(key or b"")
    return match[1].decode() if match else ""
