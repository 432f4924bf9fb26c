"""What the generator sent, and what the broker acknowledged: an append-only file of JSON lines, written before the checker looks."""

from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line. A command is `sent` before it is handed to the client, and `acknowledged` when the broker has it."""

    what: Literal["sent", "acknowledged", "garbage"]
    tenant: str = ""
    aggregate: str = ""
    command_id: str = ""
    command: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    sha256: str = ""
    """Of the value, for garbage."""


class Journal:
    """Appends to the file; safe from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._file = path.open("ab")

    def write(self, entry: Entry) -> None:
        """Add a line."""
        with self._lock:
            self._file.write(msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        """No further lines."""
        self._file.close()


def read_journal(path: Path) -> list[Entry]:
    """Every line, in order."""
    return msgspec.json.Decoder(Entry).decode_lines(path.read_bytes())
