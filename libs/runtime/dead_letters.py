"""A message that a reader could not take, as a record of the dead-letter topic: original bytes, position, reason."""

import hashlib
import re

from libs.contracts.operations import DeadLetter
from libs.contracts.topics import MIB
from libs.runtime.codec import Codec, Headers, Record
from libs.runtime.errors import Poison
from libs.runtime.received import Received

_KEY = re.compile(rb"([a-z0-9][a-z0-9-]{0,39})/")
VALUE_KEPT, KEY_KEPT, HEADERS_KEPT = 2 * MIB, 8 * 1024, 32 * 1024
"""Bytes kept of each. A topic's limit holds for what is compressed, so a message can be larger than any dead letter may be."""


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
        detail=poison.detail[:1_000] + _cut(message),
        key=None if message.key is None else message.key[:KEY_KEPT],
        value=None if message.value is None else message.value[:VALUE_KEPT],
        headers=_headers(message.headers),
        read_at=now,
        tenant=tenant or tenant_of(message.key),
    )
    return codec.plain(f"{prefix}.dead-letters", letter, place.encode(), [])


def tenant_of(key: bytes | None) -> str:
    """Tenant that a key of the form tenant/aggregate names; empty for any other key."""
    match = _KEY.match(key or b"")
    return match[1].decode() if match else ""


def _cut(message: Received) -> str:
    value = message.value or b""
    if len(value) <= VALUE_KEPT:
        return ""
    return f"; of {len(value)} bytes with SHA-256 {hashlib.sha256(value).hexdigest()} the first {VALUE_KEPT} are kept"


def _headers(headers: Headers) -> dict[str, bytes]:
    """Headers as far as they fit; of repeated names the last."""
    kept: dict[str, bytes] = {}
    size = 0
    for name, value in headers:
        value = value if isinstance(value, bytes) else b""
        size += len(name.encode()) + len(value)
        if size <= HEADERS_KEPT:
            kept[name] = value
    return kept
