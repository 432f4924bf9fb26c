"""What exists in the stand-in cloud: documents by kind and id, in a file that outlives the process when one is named."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

Document = dict[str, Any]


class Books:
    """Everything that exists, and how often everything was called. `now` is microseconds since the epoch."""

    def __init__(self, seed: int, now: Callable[[], int], path: str = ":memory:") -> None:
        self.seed, self.now = seed, now
        self._kept = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._kept.execute("PRAGMA journal_mode = WAL")
        self._kept.execute("PRAGMA synchronous = OFF")
        self._kept.execute("CREATE TABLE IF NOT EXISTS document (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))")
        self._kinds: dict[str, dict[str, Document]] = {}
        for kind, key, body in self._kept.execute("SELECT kind, id, body FROM document ORDER BY rowid"):
            self._kinds.setdefault(kind, {})[key] = json.loads(body)

    def put(self, kind: str, key: str, document: Document) -> Document:
        """Write a document, new or changed."""
        self._kinds.setdefault(kind, {})[key] = document
        self._kept.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, key, json.dumps(document)))
        return document

    def get(self, kind: str, key: str) -> Document | None:
        """A document, or None."""
        return self._kinds.get(kind, {}).get(key)

    def remove(self, kind: str, key: str) -> None:
        """Remove a document if it is there."""
        self._kinds.get(kind, {}).pop(key, None)
        self._kept.execute("DELETE FROM document WHERE kind = ? AND id = ?", (kind, key))

    def all(self, kind: str) -> Iterator[tuple[str, Document]]:
        """Every document of a kind, in the order in which they came."""
        yield from list(self._kinds.get(kind, {}).items())

    def count(self, name: str) -> int:
        """Count one more of something, and answer how many there are now."""
        counted = self.get("count", name) or {"n": 0}
        return int(self.put("count", name, {"n": counted["n"] + 1})["n"])

    def identifier(self, prefix: str, kind: str) -> str:
        """A new id as the vendor makes them, the same in every run with the same seed and order."""
        return prefix + hashlib.blake2b(f"{self.seed}/{kind}/{self.count('id ' + kind)}".encode(), digest_size=9).hexdigest()[:17]

    def drawn(self, *name: object) -> float:
        """A number from 0 to 1 that depends on the seed and the name alone."""
        digest = hashlib.blake2b("/".join(map(str, (self.seed, *name))).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    def fork(self) -> "Books":
        """The same books once more, in memory; what is written into one is not in the other."""
        other = Books(self.seed, self.now)
        for kind, documents in deepcopy(self._kinds).items():
            for key, document in documents.items():
                other.put(kind, key, document)
        return other

    def close(self) -> None:
        """Close the file."""
        self._kept.close()

    def snapshot(self) -> dict[str, dict[str, Document]]:
        """Everything, as one document; counters aside."""
        return {kind: dict(documents) for kind, documents in self._kinds.items() if kind != "count"}
