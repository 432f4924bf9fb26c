"""Notices that a producer's connection broke. Nothing but the client library's log tells: no error, no callback.

A transactional request that was on its way then may arrive late, inside the producer's next transaction, and end it:
Kafka 4 fences such requests only for clients that librdkafka is not (KAFKA-17754, KIP-890 part 2).
"""

import itertools
import logging
from typing import Any

from confluent_kafka import Producer

_BROKEN = ("FAIL ", "REQTMOUT ")
_numbers = itertools.count()


class Connections(logging.Handler):
    """Counts broken connections and requests without an answer. `logger` is for the client; it is served by the client's `poll`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.broken = 0
        self.last = ""
        self.logger = logging.getLogger(f"{__name__}.{next(_numbers)}")
        self.logger.propagate = False
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line of the client's log."""
        line = record.getMessage()
        if line.startswith(_BROKEN):
            self.broken += 1
            self.last = line


class Transactional(Producer):
    """A producer that knows about its connections."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.connections = Connections()
        super().__init__({**settings, "logger": self.connections.logger})
