"""Commands of a worker on their way to the Kafka client: one alone goes at once, those of many go together.

A request costs the broker the same for one record as for hundreds, and again whoever reads them there. The client could
wait by itself (linger.ms), but it does not know whether anything is still to come; a worker does.
"""

import asyncio
import signal
from collections import deque

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from libs.runtime.codec import Record

_log = structlog.get_logger()
LINGER_S = 0.005
MOST = 256
AGAIN_S = 1.0


class Outbox:
    """Belongs to the thread of the event loop. What it holds is lost with the process, and the work then done again."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._waiting: deque[tuple[str, Record]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, topic: str, record: Record, *, more: bool) -> None:
        """Send a record; if `more` is about to follow it waits for that, at most until there are MOST and for LINGER_S."""
        self._waiting.append((topic, record))
        if not more or len(self._waiting) == MOST:
            self.hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_S, self.hand_over)

    def hand_over(self) -> None:
        """Give the client all that waits, in order; what it has no room for stays and is tried again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            while self._waiting:
                topic, record = self._waiting[0]
                self._producer.produce(topic, record.value, record.key, headers=record.headers, on_delivery=_must_arrive)
                self._waiting.popleft()
        except BufferError as error:
            _log.warning("commands wait to be sent", commands=len(self._waiting), error=str(error))
            self._timer = asyncio.get_running_loop().call_later(AGAIN_S, self.hand_over)
        except KafkaException as error:
            _must_arrive(error.args[0])


def _must_arrive(error: KafkaError | None, _: Message | None = None) -> None:
    """A report that cannot be delivered would leave its work hanging: let the process be restarted and do it again."""
    if error is not None:
        _log.error("report could not be delivered", error=str(error))
        signal.raise_signal(signal.SIGTERM)
