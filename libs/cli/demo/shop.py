"""The application that writes while its database moves, on a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from libs.cli.errors import CliError, Exit
from libs.runtime.clock import new_id
from libs.testing.sample_database.writer import Writer

_PATIENCE_S = 60.0


class Shop:
    """A writer at work. Every write that it was promised stands in `journal`, over all starts."""

    def __init__(self, home: str, database: str, rate: int, journal: Path) -> None:
        self._home, self._database, self._rate, self._journal = home, database, rate, journal
        self._before = len(_lines(journal))
        self._writer: Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="shop", daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except BaseException as error:
            self._failure = error
        finally:
            self._began.set()

    async def _write(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Ids must differ from those of an earlier start: an id that is known changes nothing and would prove nothing.
        self._writer = Writer(f"w{new_id()[:8]}", self._home, self._database, rate=self._rate, journal=self._journal)
        self._began.set()
        await self._writer.run()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()
        self._began.wait()

    def stop(self) -> None:
        """Finish the writes in hand. Raises CliError when the writer could not go on."""
        if self._writer is not None and self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._writer.stop)
        self._thread.join(_PATIENCE_S)
        if self._failure is not None:
            raise CliError(f"the writing application could not go on: {self._failure}", Exit.FAILED)
        if self._thread.is_alive():
            raise CliError(f"the writing application got no answer to its last writes within {_PATIENCE_S:.0f} s", Exit.FAILED)

    @property
    def writes(self) -> int:
        """Acknowledged writes so far, those of earlier starts included."""
        return self._before + (len(self._writer.acknowledged) if self._writer else 0)

    @property
    def promised(self) -> list[str]:
        """Ids of all acknowledged writes, those of earlier starts included."""
        return _lines(self._journal)

    @property
    def longest_gap_ms(self) -> float:
        """Longest time between two acknowledged writes since this start or the last `measure_anew`."""
        return self._writer.longest_gap_ms if self._writer else 0.0

    def measure_anew(self) -> None:
        """Forget the longest gap so far."""
        if self._writer is not None:
            self._writer.longest_gap_ms = 0.0

    @property
    def refused(self) -> int:
        """Tries that failed and were repeated."""
        return self._writer.refused if self._writer else 0


@contextmanager
def open_shop(home: str, database: str, rate: int, journal: Path) -> Iterator[Shop]:
    """A shop that writes while the block runs."""
    shop = Shop(home, database, rate, journal)
    shop.start()
    try:
        yield shop
    except BaseException:
        with suppress(CliError):  # what ended the block is what the user must hear
            shop.stop()
        raise
    shop.stop()


def _lines(journal: Path) -> list[str]:
    return journal.read_text(encoding="utf-8").split() if journal.exists() else []
