"""One record of the log as the audit sees it: exactly what Kafka holds, and a hash over all of it. Pure."""

import hashlib
import struct
from typing import NamedTuple

_LENGTH = struct.Struct(">I")
Place = tuple[str, int]


class LogRecord(NamedTuple):
    """One record. `timestamp` is Kafka's, in milliseconds since the epoch; `value` includes the five bytes of the wire format."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> Place:
        """Topic and partition."""
        return self.topic, self.partition

    def header(self, name: str) -> bytes:
        """Value of the last header of that name; empty when there is none."""
        return next((value for key, value in reversed(self.headers) if key == name), b"")


def leaf_of(record: LogRecord) -> bytes:
    """Hash of everything in a record, as a leaf of a hash tree (RFC 6962, section 2.1: SHA-256 of 0x00 and the data).

    The data are topic, partition, offset and timestamp (in decimal), key, value, and name and value of each header in
    order, each after its length in four bytes. The format is part of seals: never change it.
    """
    fields = [
        record.topic.encode(),
        b"%d" % record.partition,
        b"%d" % record.offset,
        b"%d" % record.timestamp,
        record.key,
        record.value,
    ]
    for name, value in record.headers:
        fields += (name.encode(), value)
    pack = _LENGTH.pack
    return hashlib.sha256(b"\0" + b"".join([pack(len(field)) + field for field in fields])).digest()
