"""Restore on assignment: the compacted state, then the tail of the events, folding what is newer than state.

After a torn transaction (KAFKA-17754) the log can be ahead of the state topic: such states are folded and written again, so
that workers see the work, and the commands that policies make of those events are sent again. State ahead of the log is a
broken history: alarm and stop. What others wrote is refused (following).
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from libs.contracts.topics import events_of, state_of
from libs.runtime import kafka
from libs.runtime.codec import Codec, Erasure, Record
from libs.runtime.errors import BrokenHistory, Poison
from libs.runtime.received import Received, received
from libs.runtime.transaction import Output
from services.validator.following import Folding, number_in, refuse, sound_body
from services.validator.policing import Addressed, Policing
from services.validator.state_records import state_record
from services.validator.store import Store

_log = structlog.get_logger()
TAIL = 8_000
"""Events of a partition read back at least: more than the largest batch writes."""
LIMIT_S = 300.0
Repairs: TypeAlias = list[tuple[str, int, Record | Erasure]]


class _Target(NamedTuple):
    topic: str
    partition: int
    start: int
    end: int


class Restorer:
    """Reads state and events of newly assigned partitions. `bootstrap` and `prefix` say where."""

    def __init__(self, bootstrap: str, prefix: str, codec: Codec, policing: Policing) -> None:
        self._bootstrap, self._prefix, self._codec, self._policing = bootstrap, prefix, codec, policing
        self._edge_reader = kafka.reader(bootstrap, **{"isolation.level": "read_uncommitted"})

    def restore(self, wanted: Sequence[tuple[Store, int]]) -> Output:
        """Load the stores; returns state records to write because the log is ahead of them, and the commands that policies
        make of events whose state was not written: those commands may be missing as well. Raises BrokenHistory.
        """
        if not wanted:
            return Output((), ())
        began = time.monotonic()
        states = self._read([self._whole(store, partition) for store, partition in wanted], latest=True)
        tails = self._read([self._tail(store, partition) for store, partition in wanted], latest=False)
        repairs: Repairs = []
        commands: list[Addressed] = []
        recorded = 0
        for store, partition in wanted:
            name = store.decider.aggregate
            latest = states.get((state_of(self._prefix, name), partition), [])
            tail = tails.get((events_of(self._prefix, name), partition), [])
            repairs += self._load(store, partition, latest, tail, commands)
            recorded = max(recorded, self._last_recorded(tail))
        _log.info(
            "restored", partitions=len(wanted), repaired=len(repairs), commands=len(commands), seconds=round(time.monotonic() - began, 3)
        )
        return Output((), repairs, commands, latest=recorded)

    def _last_recorded(self, tail: list[Received]) -> int:
        """When the last event of a tail was recorded; 0 when there is none."""
        for message in reversed(tail):
            with suppress(Poison):
                return int(self._codec.decode(message.topic, message.key, message.value, message.headers).envelope.recorded_at)
        return 0

    def _whole(self, store: Store, partition: int) -> _Target:
        topic = state_of(self._prefix, store.decider.aggregate)
        return _Target(topic, partition, *self._edges(topic, partition))

    def _tail(self, store: Store, partition: int) -> _Target:
        topic = events_of(self._prefix, store.decider.aggregate)
        first, end = self._edges(topic, partition)
        return _Target(topic, partition, max(first, end - TAIL), end)

    def _edges(self, topic: str, partition: int) -> tuple[int, int]:
        """Beginning and end of a partition, uncommitted records included: a predecessor's open transaction must be waited for."""
        return kafka.edges(self._edge_reader, topic, partition)

    def _read(self, targets: list[_Target], *, latest: bool, keys: set[bytes] | None = None) -> dict[tuple[str, int], list[Received]]:
        """Messages of each target up to its end; only the last of each key when `latest`, only those of `keys` where given."""
        open_ = {(t.topic, t.partition): t.end for t in targets if t.end > t.start}
        if not open_:
            return {}
        # The client's default is to fetch nothing for a whole second once its queue was full.
        reader = kafka.reader(
            self._bootstrap,
            **{"enable.partition.eof": True, "queued.max.messages.kbytes": 65_536, "fetch.wait.max.ms": 50, "fetch.queue.backoff.ms": 5},
        )
        try:
            reader.assign([TopicPartition(t.topic, t.partition, t.start) for t in targets if t.end > t.start])
            return _collect(reader, open_, latest, keys)
        finally:
            reader.close()

    def _load(self, store: Store, partition: int, latest: list[Received], tail: list[Received], commands: list[Addressed]) -> Repairs:
        """Take over sound states, fold what is newer; a state that is not ours is made anew from all events of its key."""
        bodies = {message.key or b"": (message, sound_body(message, store, self._codec)) for message in latest}
        store.load(partition, {key: body for key, (_, body) in bodies.items() if body is not None})
        store.mend = self._mend
        damaged = {key for key, (_, body) in bodies.items() if body is None}
        for key in damaged:
            refuse(bodies[key][0], "not_a_state")
        folding = Folding(store, partition, self._codec, {key: message for key, (message, body) in bodies.items() if body is not None})
        folding.take(tail)
        for key, event, state in folding.new:
            if key not in damaged:  # of those, other states were written before the one that is not ours
                commands += self._policing.commands(event.body, event.envelope, state, event.traceparent)
        unsure = damaged | folding.gaps
        if unsure:
            self._anew(store, partition, unsure, tail, folding)
        behind = set(folding.behind_state())
        if behind:
            self._require_heads(store, partition, behind, tail)
        topic = state_of(self._prefix, store.decider.aggregate)
        nobodys = [(topic, partition, Erasure(key)) for key in sorted(damaged - folding.folded.keys())]
        return [*(self._repair(store, partition, key, *folding.folded[key]) for key in folding.folded), *nobodys]

    def _repair(self, store: Store, partition: int, key: bytes, state: Any, trace: bytes) -> tuple[str, int, Record]:
        topic = state_of(self._prefix, store.decider.aggregate)
        record = state_record(self._codec, topic, key, state, trace)
        store.put(partition, key, state, record.value[5:])
        return topic, partition, record

    def _earlier(self, store: Store, partition: int, keys: set[bytes], tail: list[Received]) -> list[Received]:
        """Events of some aggregates from the beginning of the log to where the tail begins."""
        topic = events_of(self._prefix, store.decider.aggregate)
        first, end = self._edges(topic, partition)
        before = tail[0].offset if tail else end
        _log.warning("reading a whole partition", topic=topic, partition=partition, aggregates=len(keys))
        return self._read([_Target(topic, partition, first, before)], latest=False, keys=keys).get((topic, partition), [])

    def _require_heads(self, store: Store, partition: int, keys: set[bytes], tail: list[Received]) -> None:
        """The tail holds only older events of these aggregates: stray copies, or events lost. Raises BrokenHistory when lost."""
        heads = {key: store.get(partition, key).stream.head for key in keys}
        for message in (*self._earlier(store, partition, keys, tail), *tail):
            key = message.key or b""
            if key in heads and number_in(message, "ce_sequence") > 0:
                with suppress(Poison):
                    if self._codec.decode(message.topic, key, message.value, message.headers).hash == heads[key]:
                        del heads[key]
        for key in sorted(heads):
            version = store.get(partition, key).stream.version
            raise BrokenHistory(f"{key.decode()}: state is at version {version}, but the log does not hold that event")

    def _anew(self, store: Store, partition: int, keys: set[bytes], tail: list[Received], folding: Folding) -> None:
        """Fold all events of some aggregates from the first; what that makes is used where it is further than the state found."""
        scratch = Store(store.decider)
        scratch.load(partition, {})
        whole = Folding(scratch, partition, self._codec, {}, quiet=True)
        whole.take([*self._earlier(store, partition, keys, tail), *(message for message in tail if message.key in keys)])
        for key, (state, trace) in whole.folded.items():
            held = folding.folded[key][0] if key in folding.folded else store.get(partition, key)
            if state.stream.version > held.stream.version:
                folding.folded[key] = (state, trace)

    def _mend(self, store: Store, partition: int, key: bytes) -> Any:
        """The state of one aggregate from its events. Raises BrokenHistory when there are none."""
        store.forget(partition, key)
        folding = Folding(store, partition, self._codec, {})
        self._anew(store, partition, {key}, [], folding)
        if key not in folding.folded:
            raise BrokenHistory(f"{key!r}: its state cannot be read, and the log has no events of it")
        return folding.folded[key][0]


def _stuck(reader: Consumer, open_: dict[tuple[str, int], int]) -> str:
    """Up to where the broker calls partitions stable: short of their ends where a transaction is open."""
    places = []
    for (topic, partition), end in sorted(open_.items()):
        try:
            stable = str(kafka.edges(reader, topic, partition, patience_s=1.0)[1])
        except KafkaException as error:
            stable = f"unknown ({error.args[0].str()})"
        places.append(f"{topic}/{partition} ends at {end} and is stable to {stable}")
    return f"could not be read to the end in {LIMIT_S:.0f} s; is a transaction left open? {'; '.join(places)}"


def _collect(
    reader: Consumer, open_: dict[tuple[str, int], int], latest: bool, keys: set[bytes] | None
) -> dict[tuple[str, int], list[Received]]:
    # Of most records only the key is looked at, so they stay the client's objects until it is known which are the last.
    found: dict[tuple[str, int], dict[Any, Message]] = {place: {} for place in open_}
    ends = dict(open_)
    until = time.monotonic() + LIMIT_S
    while open_:
        if time.monotonic() > until:
            raise BrokenHistory(_stuck(reader, open_))
        for message in reader.consume(10_000, 0.05):
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                offset = message.offset() or 0
                if offset < ends[place] and (keys is None or message.key() in keys):
                    found[place][message.key() if latest else offset] = message
                if offset + 1 >= ends[place]:
                    open_.pop(place, None)
            elif error.code() == KafkaError._PARTITION_EOF:
                if (message.offset() or 0) >= open_.get(place, 0):
                    open_.pop(place, None)
            elif error.fatal():
                raise KafkaException(error)
    return {place: [received(message) for message in messages.values()] for place, messages in found.items()}
