"""One root for the errors of the runtime, and the one table that sorts every exception into what the loops do about it.

A refusal is an event and never comes this way (D7).
"""

from enum import Enum

from confluent_kafka import KafkaError, KafkaException


class WhimbrelError(Exception):
    """Root of the errors of the runtime."""


class Misconfigured(WhimbrelError):
    """A setting does not fit; the message names it."""


class Poison(WhimbrelError):
    """A message that its reader can never take. `reason` is a stable class, the message says what exactly is wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class RegistryUnavailable(WhimbrelError):
    """The schema registry did not answer and the schema is not known here yet; later it may."""


class ConnectionLost(WhimbrelError):
    """A connection broke inside a transaction: a request may still arrive late, so the producer must not be used again."""


class BrokenHistory(WhimbrelError):
    """A record's version or hash does not follow its predecessor, or state is newer than events: alarm and stop."""


class Verdict(Enum):
    """What a loop does about an exception."""

    RETRY = "retry"
    DEAD_LETTER = "dead_letter"
    STOP = "stop"


def verdict_of(error: BaseException) -> Verdict:
    """Sort an exception: the message is poison, the fault may pass, or the process must end and be restarted.

    Unknown exceptions stop the process: crash-only is the only state that is known to be right after them (D10).
    """
    if isinstance(error, Poison):
        return Verdict.DEAD_LETTER
    if isinstance(error, RegistryUnavailable):
        return Verdict.RETRY
    if isinstance(error, KafkaException):
        return kafka_verdict(error.args[0])
    return Verdict.STOP


def kafka_verdict(error: KafkaError) -> Verdict:
    """Sort what the client library reports outside a transaction; inside one, everything stops the process."""
    if error.fatal() or error.txn_requires_abort():
        return Verdict.STOP
    # _NOENT is how asking for offsets fails while no broker leads the partitions.
    transient = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE, KafkaError._NOENT)
    return Verdict.RETRY if error.retriable() or error.code() in transient else Verdict.STOP
