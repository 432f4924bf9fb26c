"""Which records of state and events the validator takes for its own when it restores (D4): what follows is folded, the rest refused.

Whatever else lies on these topics was written by someone who had no business there. It is skipped with an alarm, never
folded, and never stops the service; every reader applies the same rule in the same order, so all agree on the history.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import structlog
from msgspec.structs import replace
from prometheus_client import Counter

from libs.contracts.avro import schema_of
from libs.contracts.envelope import EventEnvelope
from libs.domain.history import advance, seal
from libs.runtime.codec import Codec, Decoded, header, urn_of
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from services.validator.store import Store

_log = structlog.get_logger()
REFUSED = Counter("whimbrel_records_refused_total", "Records on events or state that the validator did not write", ["topic", "reason"])


def refuse(message: Received, reason: str) -> None:
    """Raise the alarm about a record that is not folded."""
    REFUSED.labels(message.topic, reason).inc()
    _log.error("record refused", topic=message.topic, partition=message.partition, offset=message.offset, reason=reason)


def number_in(message: Received, name: str) -> int:
    """Number in a header; -1 when there is none, as in no record of ours."""
    found = header(message.headers, name)
    return int(found) if found.isdigit() and len(found) <= 20 else -1


def sound_body(message: Received, store: Store, codec: Codec) -> bytes | None:
    """Avro body of a state record in the current schema; None when the record is not one of ours.

    Only states that somebody works on are decoded now; the others when they are used.
    """
    match message.headers:
        case [("ce_dataschema", bytes() as urn), _, ("version", bytes() as version), ("work", b""), ("wake", bytes() as wake), *_]:
            ours = urn == urn_of(store.decider.state) and version.isdigit() and wake.isdigit()
            if ours and message.value and message.value[0] == 0:
                return message.value[5:]
    if number_in(message, "version") < 1:
        return None
    try:
        state = codec.decode(message.topic, message.key, message.value, message.headers).body
    except Poison:
        return None
    if message.value and message.headers and message.headers[0] == ("ce_dataschema", urn_of(type(state))):
        return message.value[5:]  # by the header that the codec went by
    return schema_of(type(state)).encode(state)


def follows(state: Any, envelope: EventEnvelope) -> bool:
    """Whether an event is the next one of an aggregate in this state."""
    return bool(envelope.version == state.stream.version + 1 and envelope.previous == state.stream.head)


class Folded(NamedTuple):
    """An event that was folded, and the state after it."""

    key: bytes
    event: Decoded
    state: Any


class Folding:
    """Folds events of one partition, in the order of the log, onto the states in its store.

    `folded` are the states that changed, with the trace of the last event; `new` are the events that changed them; `gaps` are the aggregates of which an event was
    read that lies further ahead than the next one: it is a stranger's, or the state is. `quiet` is for records gone through before.
    """

    def __init__(self, store: Store, partition: int, codec: Codec, states: dict[bytes, Received], *, quiet: bool = False) -> None:
        self._store, self._partition, self._codec, self._states = store, partition, codec, states
        self._quiet = quiet
        self._versions: dict[bytes, int] = {}
        self.folded: dict[bytes, tuple[Any, bytes]] = {}
        self.new: list[Folded] = []
        self.gaps: set[bytes] = set()
        self._seen: dict[bytes, int] = {}

    def take(self, messages: Iterable[Received]) -> None:
        """Go through events in order."""
        for message in messages:
            version, key = number_in(message, "ce_sequence"), message.key or b""
            if version < 0:
                self._refuse(message, "not_an_event")
            elif version > self._version(key):
                self._fold(key, message)
            elif version > self._seen.get(key, 0):
                self._seen[key] = version
            elif version:
                self._refuse(message, "repeated")

    def _version(self, key: bytes) -> int:
        if key not in self._versions:
            self._versions[key] = number_in(self._states[key], "version") if key in self._states else 0
        return self._versions[key]

    def _fold(self, key: bytes, message: Received) -> None:
        decoded = self._decoded(message)
        if decoded is None:
            return
        state = self.folded[key][0] if key in self.folded else self._store.get(self._partition, key)
        if not follows(state, decoded.envelope):
            self._refuse(message, "does_not_follow")
            if decoded.envelope.version > state.stream.version + 1:
                self.gaps.add(key)
            return
        stream = advance(state.stream, decoded.envelope, decoded.hash)
        if type(decoded.body) is self._store.decider.archives:
            stream = seal(stream)
        state = replace(self._store.decider.evolve(state, decoded.body), stream=stream)
        self.folded[key] = (state, decoded.traceparent)
        self.new.append(Folded(key, decoded, state))
        self._versions[key] = self._seen[key] = stream.version

    def _decoded(self, message: Received) -> Decoded | None:
        try:
            return self._codec.decode(message.topic, message.key, message.value, message.headers)
        except Poison as poison:
            self._refuse(message, poison.reason)
            return None

    def _refuse(self, message: Received, reason: str) -> None:
        if not self._quiet:
            refuse(message, reason)

    def behind_state(self) -> list[bytes]:
        """Aggregates whose state is ahead of the last of their events that were read."""
        return [key for key, version in self._seen.items() if version < self._version(key)]
