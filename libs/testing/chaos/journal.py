"""What the generator sent, and what the broker acknowledged: an append-only file of JSON lines, written before the checker looks."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

Place = tuple[str, int, int]
UNPLACED = -1


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
        self._file = path.open("ab", buffering=0)  # read while it is written

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


class Garbage:
    """The garbage in a journal: by place, and, where the client never learnt the place, by hash."""

    def __init__(self, journal: Iterable[Entry]) -> None:
        self.placed: dict[Place, str] = {}
        self._unplaced: Counter[str] = Counter()
        for entry in journal:
            if entry.what == "garbage" and entry.offset == UNPLACED:
                self._unplaced[entry.sha256] += 1
            elif entry.what == "garbage":
                self.placed[entry.topic, entry.partition, entry.offset] = entry.sha256

    def __contains__(self, found: tuple[Place, bytes]) -> bool:
        """Whether a record at a place with these bytes is garbage."""
        return found[0] in self.placed or (bool(self._unplaced) and hashlib.sha256(found[1]).hexdigest() in self._unplaced)

    def claim(self, digest: str) -> bool:
        """Take one piece with this hash whose place is not known; False when there is none left."""
        if self._unplaced[digest] < 1:
            return False
        self._unplaced[digest] -= 1
        return True

    def unclaimed(self) -> list[str]:
        """Hashes of pieces without a place that nobody claimed."""
        return sorted(self._unplaced.elements())
