"""What must survive a crash of a system with steps of one's own: what it was told and has not answered, and fences (D3)."""

import sqlite3
from contextlib import closing
from pathlib import Path

from libs.providers.external.message import WorkData

_TABLES = """
CREATE TABLE IF NOT EXISTS told (work_id TEXT, attempt INT, message TEXT NOT NULL, PRIMARY KEY (work_id, attempt));
CREATE TABLE IF NOT EXISTS fence (migration TEXT, step TEXT, direction TEXT, chunk TEXT, fence INT NOT NULL,
                                  PRIMARY KEY (migration, step, direction, chunk));
CREATE TABLE IF NOT EXISTS highest (migration TEXT, step TEXT, direction TEXT, fence INT NOT NULL, PRIMARY KEY (migration, step, direction));
"""
# Chunks of one step are in flight together and do not fence each other: of the same step only the same chunk counts. What
# other steps have seen is kept by step, so that a step of a million chunks costs as much a chunk as one of ten.
_SEEN = """SELECT max(fence) FROM (
    SELECT fence FROM highest WHERE migration = ? AND NOT (step = ? AND direction = ?)
    UNION ALL SELECT fence FROM fence WHERE migration = ? AND step = ? AND direction = ? AND chunk = ?)"""
_ADMIT = "INSERT INTO fence VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET fence = max(fence, excluded.fence)"
_HIGHEST = "INSERT INTO highest VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET fence = max(fence, excluded.fence)"


class Store:
    """One SQLite file, for one process. Without a path it lives in memory, and the fences die with the process."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_TABLES)

    def keep(self, data: WorkData, message: str) -> None:
        """Keep what was told until it is `answered`: before that a crash must not lose it."""
        self._database.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", (data.work_id, data.attempt, message))

    def answered(self, data: WorkData) -> None:
        """Its report has arrived, or nobody wants it any more."""
        self._database.execute("DELETE FROM told WHERE work_id = ? AND attempt = ?", (data.work_id, data.attempt))

    def unanswered(self) -> list[str]:
        """Messages to take up again after a crash."""
        return [row[0] for row in self._database.execute("SELECT message FROM told ORDER BY rowid")]

    def admit(self, data: WorkData) -> int:
        """Note the fence and return 0; or, noting nothing, return the higher one that was seen: the work is a zombie's."""
        step = (f"{data.tenant}/{data.migration}", data.step, data.direction)
        with closing(self._database.execute(_SEEN, (*step, *step, data.chunk))) as found:
            seen = found.fetchone()[0] or 0
        if seen > data.fence:
            return int(seen)
        # First the one that fences more: a crash between the two refuses too much rather than too little.
        self._database.execute(_HIGHEST, (*step, data.fence))
        self._database.execute(_ADMIT, (*step, data.chunk, data.fence))
        return 0

    def close(self) -> None:
        """Close the file."""
        self._database.close()
