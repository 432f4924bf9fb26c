"""What a validator does with partitions it was given: repairs under its own generation, and time that never goes back."""

from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import Consumer, TopicPartition

from libs.runtime.clock import now_us
from libs.runtime.codec import Record
from libs.runtime.connections import Transactional
from libs.runtime.received import Received
from libs.runtime.transaction import Output, TransactionLoop

AHEAD = now_us() + 3_600_000_000
REPAIR = ("t.migration.state", 0, Record(b"k", b"v", []))


class Kafka:
    """Consumer and producer in one: remembers the offsets of each transaction, and hands out what it was given to poll."""

    def __init__(self, polled: list[Received]) -> None:
        self.polled, self.sent = polled, cast(list[list[TopicPartition]], [])
        self.connections = SimpleNamespace(broken=0, last="")

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(place.topic, place.partition, 41) for place in places]

    def consumer_group_metadata(self) -> str:
        return "metadata"

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], metadata: object, timeout: float) -> None:
        assert metadata == "metadata"
        self.sent.append(offsets)

    def poll(self, *_: object) -> Any:
        return message_of(self.polled[0]) if self.polled else None

    def consume(self, *_: object) -> list[Any]:
        return [message_of(one) for one in self.polled[1:]]

    def produce(self, *_: object, **__: object) -> None: ...

    def begin_transaction(self) -> None: ...

    def commit_transaction(self, _: float) -> None: ...


class Handler:
    """Repairs one state, and notes when it was asked what."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[Received], int]] = []

    def assigned(self, partitions: list[TopicPartition]) -> Output:
        return Output((), [REPAIR], latest=AHEAD)

    def revoked(self, partitions: list[TopicPartition]) -> None: ...

    def handle(self, batch: Any, now: int) -> Output:
        self.batches.append((list(batch), now))
        return Output((), (), taken=1)


def message_of(one: Received) -> Any:
    fields = {name: (lambda value=value: value) for name, value in one._asdict().items()}
    return SimpleNamespace(**fields, error=lambda: None)


def commands(partition: int, count: int) -> list[Received]:
    return [Received("t.migration.commands", partition, offset, b"k", b"v", []) for offset in range(count)]


def taken_over(polled: list[Received]) -> tuple[TransactionLoop, Kafka, Handler]:
    kafka, handler = Kafka(polled), Handler()
    loop = TransactionLoop(cast(Consumer, kafka), cast(Transactional, kafka), ["t.migration.commands"], handler)
    loop._assigned(cast(Consumer, kafka), [TopicPartition("t.migration.commands", 0)])
    return loop, kafka, handler


def test_repairs_carry_the_offsets_so_that_a_zombies_are_refused_R6() -> None:
    _, kafka, _ = taken_over([])
    assert [[(p.partition, p.offset) for p in offsets] for offsets in kafka.sent] == [[(0, 41)]]


def test_time_never_goes_back_behind_what_a_predecessor_recorded_D8() -> None:
    loop, _, handler = taken_over(commands(0, 1))
    loop._transact(loop._poll())
    assert handler.batches[0][1] >= AHEAD


def test_messages_of_partitions_that_went_to_another_are_left_to_it_R4() -> None:
    loop, kafka, handler = taken_over([*commands(0, 1), *commands(1, 2)])
    assert loop._transact(loop._poll()) == []
    assert [[message.partition for message in batch] for batch, _ in handler.batches] == [[0]]
    assert [(p.partition, p.offset) for p in kafka.sent[-1]] == [(0, 1)]


def test_what_did_not_fit_is_handed_in_again_and_its_offset_not_moved_R4() -> None:
    loop, kafka, _ = taken_over(commands(0, 3))
    rest = loop._transact(loop._poll())
    assert [message.offset for message in rest] == [1, 2]
    assert [(p.partition, p.offset) for p in kafka.sent[-1]] == [(0, 1)]
