"""Commands to events: decode, decide on an overlay of state, chain, encode, and send what policies want. The handler of the validator's loop."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from confluent_kafka import TopicPartition
from msgspec.structs import replace
from prometheus_client import Counter, Histogram

from libs.contracts.envelope import follow
from libs.contracts.refusal import CommandRefused
from libs.contracts.topics import COMMAND_MAX_BYTES, events_of, state_of
from libs.domain.decider import Command, Decider
from libs.domain.history import advance, digest_of, respond, seal
from libs.domain.policy import TooManyCommands
from libs.runtime.codec import Codec, Record
from libs.runtime.dead_letters import dead_letter
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.transaction import Output
from services.validator.partitioner import partition_of
from services.validator.policing import Addressed, Policing
from services.validator.state_records import state_record
from services.validator.store import Store

_log = structlog.get_logger()
COMMANDS = Counter("whimbrel_commands_total", "Commands read, by outcome", ["aggregate", "outcome"])
MOST_EVENTS = 5_000
"""Events after which a transaction takes no further command: with those of the last one still less than a restore reads back."""
BATCH = Histogram("whimbrel_batch_commands", "Commands per transaction", buckets=(1, 3, 10, 30, 100, 300, 1_000, 3_000))


class Restores(Protocol):
    """What loads the stores of newly assigned partitions, and says what must be written again."""

    def restore(self, wanted: Sequence[tuple[Store, int]]) -> Output:
        """Load them; returns records for the state topic, and the commands of policies that may be missing."""


class Deciding:
    """Handler that answers every command with what its decider says, and sends on what the policies make of it."""

    def __init__(
        self, codec: Codec, restorer: Restores, deciders: dict[str, Decider], prefix: str, partitions: int, policing: Policing
    ) -> None:
        self._codec, self._restorer, self._prefix, self._partitions = codec, restorer, prefix, partitions
        self._policing = policing
        self._stores = {f"{prefix}.{name}.commands": Store(decider) for name, decider in deciders.items()}
        self._outputs = {
            topic: (events_of(prefix, s.decider.aggregate), state_of(prefix, s.decider.aggregate)) for topic, s in self._stores.items()
        }
        self._counts = {
            (topic, outcome): COMMANDS.labels(store.decider.aggregate, outcome)
            for topic, store in self._stores.items()
            for outcome in ("decided", "refused", "nothing", "dead_letter")
        }

    def assigned(self, partitions: list[TopicPartition]) -> Output:
        """Restore the states of the partitions; returns what the log is ahead of."""
        return self._restorer.restore(
            [(self._stores[p.topic], p.partition) for p in partitions if not self._stores[p.topic].owns(p.partition)]
        )

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Forget the states of the partitions."""
        for place in partitions:
            self._stores[place.topic].drop(place.partition)

    def handle(self, batch: Sequence[Received], now: int) -> Output:
        """Decide a batch, or as much of it as one transaction may hold. States are replaced only when all is encoded."""
        work = _Batch(self, now)
        taken = 0
        for message in batch:
            work.take(message)
            taken += 1
            if work.size >= MOST_EVENTS:
                break
        BATCH.observe(taken)
        return work.finish()._replace(taken=taken)

    def store(self, topic: str) -> Store:
        """Store of the aggregate whose commands travel on a topic."""
        return self._stores[topic]


class _Batch:
    """One batch in the making: the overlay of state and the records to write."""

    def __init__(self, owner: Deciding, now: int) -> None:
        self._owner, self._now, self._codec = owner, now, owner._codec
        self._overlay: dict[tuple[str, bytes], tuple[Any, int, bytes]] = {}
        self._events: list[tuple[str, int, Record]] = []
        self._commands: list[Addressed] = []
        self._dead: list[tuple[str, int, Record]] = []
        self._outcomes: dict[tuple[str, str], int] = defaultdict(int)

    @property
    def size(self) -> int:
        """Events so far."""
        return len(self._events)

    def take(self, message: Received) -> None:
        """Decide one command, or put it aside as poison."""
        topic = message.topic
        try:
            outcome = self._decide(topic, message)
        except Poison as poison:
            _log.warning("dead letter", topic=topic, partition=message.partition, offset=message.offset, reason=poison.reason)
            self._dead.append(
                (
                    f"{self._owner._prefix}.dead-letters",
                    -1,
                    dead_letter(self._codec, self._owner._prefix, "validator", message, poison, self._now),
                )
            )
            outcome = "dead_letter"
        self._outcomes[topic, outcome] += 1

    def _decide(self, topic: str, message: Received) -> str:
        key, partition, store = message.key or b"", message.partition, self._owner._stores[topic]
        if len(message.value or b"") > COMMAND_MAX_BYTES:
            raise Poison("too_large", f"the value has {len(message.value or b'')} bytes; a command may have {COMMAND_MAX_BYTES}")
        decoded = self._codec.decode(topic, key, message.value, message.headers)
        held = self._overlay.get((topic, key))
        if held is None and (partition, key) not in store and partition_of(key, self._owner._partitions) != partition:
            raise Poison("wrong_partition", f"key {key!r} does not belong on partition {partition}; use the murmur2 partitioner")
        state = store.get(partition, key) if held is None else held[0]
        command = Command(decoded.envelope, decoded.body)
        digest = digest_of(store.decider, decoded.body)
        events = respond(store.decider, state, command, self._now, digest)
        if not events:
            return "nothing"
        so_far = len(self._events), len(self._commands)
        try:
            state = self._record(topic, partition, key, command, events, state, digest, decoded.traceparent)
        except (TooManyCommands, ValueError, OverflowError) as error:
            del self._events[so_far[0] :], self._commands[so_far[1] :]
            reason = "too_many_consequences" if isinstance(error, TooManyCommands) else "unrecordable"
            raise Poison(reason, f"what follows from the command cannot be written: {error}") from error
        self._overlay[topic, key] = (state, partition, decoded.traceparent)
        return "refused" if type(events[0]) is CommandRefused else "decided"

    def _record(
        self, topic: str, partition: int, key: bytes, command: Command, events: Sequence[Any], state: Any, digest: bytes, trace: bytes
    ) -> Any:
        """Chain and encode the events, and fold them: the state afterwards."""
        decider = self._owner._stores[topic].decider
        target, policies = self._owner._outputs[topic][0], self._owner._policing.policies
        stream = state.stream
        exists = stream.version > 0 or type(events[0]) is not CommandRefused
        for ordinal, event in enumerate(events):
            version = stream.version + 1 if exists else 0
            envelope = follow(
                command.envelope, ordinal=ordinal, version=version, recorded_at=self._now, previous=stream.head, digest=digest
            )
            record = self._codec.event(target, envelope, event, key, trace)
            self._events.append((target, partition, record))
            if exists:
                stream = advance(stream, envelope, record.hash)
                if type(event) is decider.archives:
                    stream = seal(stream)
                state = decider.evolve(state, event)
                if type(event) in policies:
                    self._commands += self._owner._policing.commands(event, envelope, state, trace)
        return replace(state, stream=stream)

    def finish(self) -> Output:
        """Encode all states, and only then replace them in the stores: a batch that is asked for again must find them as they were."""
        states: list[tuple[str, int, Record]] = []
        changed = [(topic, key, *held) for (topic, key), held in self._overlay.items() if held[0].stream.version]
        for topic, key, state, partition, trace in changed:
            target = self._owner._outputs[topic][1]
            states.append((target, partition, state_record(self._codec, target, key, state, trace)))
        for (topic, key, state, partition, _), (_, _, record) in zip(changed, states, strict=True):
            self._owner._stores[topic].put(partition, key, state, record.value[5:])
        for outcome, count in self._outcomes.items():
            self._owner._counts[outcome].inc(count)
        return Output(self._events, [*states, *self._dead], self._commands)
