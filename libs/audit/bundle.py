"""An export: the log as lines of JSON that a third party can read with any tool, one line a record, `.gz` or plain.

The first line holds every schema, the last the number of records and the SHA-256 of all lines before it. Each record's line
carries its leaf hash, so that a changed byte is named exactly; that a forger did not compute it anew, only a seal shows.
"""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from libs.audit.findings import Findings
from libs.audit.record import LogRecord, Place, leaf_of

FORMAT = "whimbrel_export"
_NOWHERE: Place = ("", 0)


class NotAnExport(ValueError):
    """The file is no export of ours; the message says why."""


class Entry(NamedTuple):
    """One record of an export, with its leaf hash and its line."""

    record: LogRecord
    leaf: bytes
    line: int


def _opened(path: Path, mode: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode))


def write(path: Path, schemas: list[str], records: Iterable[LogRecord], about: dict[str, Any]) -> int:
    """Write an export in one piece, and return how many records it holds. Raises OSError."""
    beside, count, digest = path.with_name(f".{path.name}.part{path.suffix}"), 0, hashlib.sha256()
    try:
        with _opened(beside, "wb") as file:

            def put(line: dict[str, Any]) -> None:
                data = orjson.dumps(line) + b"\n"
                digest.update(data)
                file.write(data)

            put({FORMAT: 1, **about, "schemas": schemas})
            for record in records:
                put(line_of(record))
                count += 1
            file.write(orjson.dumps({"end": True, "records": count, "sha256": digest.hexdigest()}) + b"\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def line_of(record: LogRecord) -> dict[str, Any]:
    """The line of a record, as JSON."""
    text = base64.b64encode
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.decode() if record.key.isascii() else {"base64": text(record.key).decode()},
        "headers": [[name, text(value).decode()] for name, value in record.headers],
        "value": text(record.value).decode(),
        "leaf": leaf_of(record).hex(),
    }


class Bundle:
    """An export being read. Iterate `entries` once; what is wrong with the file itself goes to the findings."""

    def __init__(self, path: Path, findings: Findings) -> None:
        """Read the first line. Raises NotAnExport, OSError."""
        self._path, self._findings = path, findings
        with _opened(path, "rb") as file:
            try:
                first = orjson.loads(file.readline())
                self.schemas: list[str] = [str(text) for text in first["schemas"]]
                if first[FORMAT] != 1:
                    raise NotAnExport(f"{path} has format {first[FORMAT]}, this release reads 1")
            except (ValueError, KeyError, TypeError, EOFError, gzip.BadGzipFile) as error:
                if isinstance(error, NotAnExport):
                    raise
                raise NotAnExport(f"{path} does not begin as an export does: make one with whimbrel audit export") from error

    def entries(self) -> Iterator[Entry]:
        """The records, in the order of the file."""
        digest, place, offset, count, ended = hashlib.sha256(), _NOWHERE, -1, 0, False
        number = 0
        try:
            with _opened(self._path, "rb") as file:
                for number, data in enumerate(file, 1):
                    if ended:
                        self._findings.add(place, offset + 1, "after_end", "lines follow the last line of the export", number)
                        break
                    found = _parsed(data) if number > 1 else {}
                    if found is not None and "end" in found:
                        ended = True
                        self._check_end(found, count, digest.hexdigest(), place, offset, number)
                        continue
                    digest.update(data)
                    if number == 1:
                        continue
                    count += 1
                    entry = _entry(found, number)
                    if entry is None:
                        self._findings.add(place, offset + 1, "unreadable", "the line is no record: it was damaged or inserted", number)
                        continue
                    place, offset = entry.record.place, entry.record.offset
                    self._check_leaf(entry, found or {})
                    yield entry
        except (EOFError, OSError, zlib.error) as error:
            self._findings.add(place, offset + 1, "unreadable", f"the file cannot be read on: {error}", number + 1)
            return
        if not ended:
            self._findings.add(place, offset + 1, "cut", "the export ends without its last line: it was cut here", number + 1)

    def _check_leaf(self, entry: Entry, found: dict[str, Any]) -> None:
        if found.get("leaf") != entry.leaf.hex():
            self._findings.add(
                entry.record.place,
                entry.record.offset,
                "changed",
                "the record does not have the hash that its line states: it was changed",
                entry.line,
            )

    def _check_end(self, found: dict[str, Any], count: int, digest: str, place: Place, offset: int, line: int) -> None:
        if found.get("records") != count:
            message = f"the export holds {count} records, but its last line counts {found.get('records')}"
            self._findings.add(place, offset + 1, "cut", message, line)
        elif found.get("sha256") != digest:
            message = "the lines before do not have the hash that the last line states: at least one was changed"
            self._findings.add(place, offset + 1, "changed", message, line)


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _bytes(text: str) -> bytes:
    value = base64.b64decode(text, validate=True)
    if base64.b64encode(value).decode() != text:  # the last character may hold bits that decoding ignores (RFC 4648, 3.5)
        raise ValueError("no base64 that an export writes")
    return value


def _entry(found: dict[str, Any] | None, line: int) -> Entry | None:
    """The record of a line; None when it holds none."""
    try:
        assert found is not None
        key = found["key"]
        record = LogRecord(
            topic=str(found["topic"]),
            partition=int(found["partition"]),
            offset=int(found["offset"]),
            timestamp=int(found["timestamp"]),
            key=_bytes(key["base64"]) if isinstance(key, dict) else key.encode(),
            value=_bytes(found["value"]),
            headers=tuple((str(name), _bytes(value)) for name, value in found["headers"]),
        )
        return Entry(record, leaf_of(record), line)
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
