"""The next batch is folded while the last is written: what becomes of it when the write fails, or the rows to fill are others (R4, R7)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from libs.runtime import sink
from libs.runtime.batches import Batch
from libs.testing.waiting import wait_until

PLACE = ("events", 0)


class Database:
    """Pool and connection in one: positions by reader, and whether it is closed."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Database"]:
        if self.closed:
            raise asyncpg.InterfaceError("pool is closed")
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, *_: Any) -> None:
        """Nothing is kept."""

    async def fetch(self, _: str, reader: str, *__: Any) -> list[tuple[str, int, int]]:
        return [(*PLACE, self.positions.get(reader, 0))]


class Log:
    """Batches of one record each. `during` is called in the reading thread with the number of each."""

    def __init__(self, stored: Callable[[list[Any]], Any], during: Callable[[int], None]) -> None:
        self.stored, self._during, self.stopping, self._number = stored, during, threading.Event(), 0
        self.consumer = cast(Any, type("", (), {"close": staticmethod(lambda: None)}))

    def subscribe(self, _: list[str]) -> None:
        self._number = self.stored([PLACE])[PLACE]

    def again(self) -> None:
        self._number = self.stored([PLACE])[PLACE]

    def read(self) -> Batch:
        self._number += 1
        self._during(self._number)
        return Batch([cast(Any, self._number)], {PLACE: self._number - 1}, {PLACE: self._number}, {})


class Rows:
    """A target that notes what happens to it. It stops the sink once it has written the third record."""

    def __init__(self) -> None:
        self.live, self.said = "a", list[str]()
        self.sink: Any = None

    async def reader(self, _: Any) -> str:
        return self.live

    def forget(self) -> None:
        self.said.append("forgot")

    def fold(self, records: list[Any], load: sink.Load) -> tuple[int, str]:
        self.said.append(f"folded {records[0]}")
        load(self.read)
        return records[0], self.live

    async def read(self, _: Any) -> None:
        """Nothing is missing."""

    async def write(self, connection: Any, folded: tuple[int, str]) -> None:
        number, under = folded
        self.said.append(f"wrote {number} folded for {under} into {self.live}")
        connection.positions[self.live] = number
        if number == 3:
            self.sink.stop()


class Defective(Rows):
    """A target that cannot write, as it finds once the next batch is being read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading_on = threading.Event()

    async def write(self, connection: Any, folded: tuple[int, str]) -> None:
        await asyncio.to_thread(self.reading_on.wait)
        raise ValueError("a defect")


def _sink(monkeypatch: pytest.MonkeyPatch, database: Database, rows: Rows, during: Callable[[int], None]) -> sink.Sink:
    monkeypatch.setattr(sink, "Batches", lambda consumer, admin, codec, stored, most: Log(stored, during))
    nothing = cast(Any, None)
    rows.sink = sink.Sink(nothing, nothing, nothing, ["events"], cast(Any, database), cast(Any, rows))
    return cast(sink.Sink, rows.sink)


@pytest.mark.timeout(30)
def test_a_defect_in_a_write_ends_the_process_though_the_next_batch_waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    database, rows = Database(), Defective()

    def during(number: int) -> None:
        if number == 2:
            rows.reading_on.set()
            wait_until(lambda: database.closed or rows.sink._stopping.is_set(), "the write failed")

    async def serve() -> None:
        try:
            await _sink(monkeypatch, database, rows, during).run()
        finally:
            database.closed = True

    with pytest.raises(ValueError, match="a defect"):
        asyncio.run(serve())


def test_nothing_is_folded_over_a_batch_that_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Switched(Rows):
        first_is_written = threading.Event()

        def fold(self, records: list[Any], load: sink.Load) -> tuple[int, str]:
            if records[0] == 2 and self.live == "a":
                self.first_is_written.wait()
                self.live = "b"
            return super().fold(records, load)

        async def write(self, connection: Any, folded: tuple[int, str]) -> None:
            await super().write(connection, folded)
            self.first_is_written.set()

    rows = Switched()
    asyncio.run(_sink(monkeypatch, Database(), rows, lambda _: None).run())
    assert rows.said[rows.said.index("folded 2") + 1] == "forgot"
    assert [said for said in rows.said if said.startswith("wrote")][1:] == [f"wrote {n} folded for b into b" for n in (1, 2, 3)]


def test_what_was_folded_for_one_generation_is_not_written_into_another(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, switched = Rows(), threading.Event()
    served = _sink(monkeypatch, Database(), rows, lambda number: rebalance(number))
    store = served._store

    async def held(folded: Any, connection: Any) -> None:
        await asyncio.to_thread(switched.wait)
        await store(folded, connection)

    def rebalance(number: int) -> None:
        if number == 2 and not switched.is_set():
            rows.live = "b"
            served._stored([PLACE])
            switched.set()

    monkeypatch.setattr(served, "_store", held)
    asyncio.run(served.run())
    assert [said for said in rows.said if said.startswith("wrote")] == [f"wrote {n} folded for b into b" for n in (1, 2, 3)]
