"""Ends the process when something that must be quick is not.

librdkafka's transactional calls ignore their timeouts after a broker crash (librdkafka#5456), and a provider's code may block
the event loop; in both cases the only known-good state is a new process (D10).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

EXIT_CODE = 86
"""Exit status of a process that its watchdog ended."""
_log = structlog.get_logger()


class Watchdog:
    """Watches one thread: `limit(name, seconds)` bounds a block, `beat` bounds the time between two calls of it."""

    def __init__(self) -> None:
        self._what = ""
        self._until = float("inf")
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def limit(self, what: str, seconds: float) -> Iterator[None]:
        """End the process if the block takes longer than `seconds`."""
        self._what, self._until = what, time.monotonic() + seconds
        yield
        self._until = float("inf")

    def beat(self, what: str, seconds: float) -> None:
        """End the process unless this is called again within `seconds`."""
        self._what, self._until = what, time.monotonic() + seconds

    def _watch(self) -> None:
        while True:
            time.sleep(0.5)
            if time.monotonic() > self._until:
                _log.error("watchdog ends the process", stuck_in=self._what)
                os._exit(EXIT_CODE)
