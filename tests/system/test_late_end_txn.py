"""KAFKA-17754: transactional requests that arrive late, by themselves and against the real validator (D10, R5).

librdkafka does not speak the half of KIP-890 that fences them on the broker's side. The first tests show that a producer
that is used again does lose or show what it must not; the others that the validator, which never does, does not.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from libs.testing.chaos.chance import Random
from libs.testing.chaos.recording import Tape
from libs.testing.chaos.scene import Scene
from libs.testing.kafka_proxy import CLOSE, END_TXN, INIT_PRODUCER_ID, LEAVE, RESET, TXN_OFFSET_COMMIT, KafkaProxy, Trap
from libs.testing.servers import SharedServers
from libs.testing.waiting import wait_until

LOST_CONNECTION, NO_ANSWER = (3,), (1, 86)
"""Exit statuses: told by itself; and whichever is first, the client's time limit or the watchdog."""


class Naive:
    """A consume-process-produce loop that goes on with the same producer after an abort, or after a slow commit."""

    def __init__(self, stack: SharedServers, prefix: str, proxy: KafkaProxy) -> None:
        self.source, self.target, self.group = f"{prefix}.intake", f"{prefix}.progress", f"{prefix}.naive"
        self.stack = stack
        feeder = Producer({"bootstrap.servers": stack.kafka})
        feeder.produce(self.source, b"input", partition=0)
        feeder.flush(30)
        self.producer = Producer({"bootstrap.servers": proxy.bootstrap, "transactional.id": self.group})
        self.producer.init_transactions(30)
        self.consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": self.group, "enable.auto.commit": False})
        self.consumer.subscribe([self.source])
        wait_until(lambda: self.consumer.poll(0.1) is None and self.consumer.assignment(), "the naive loop has its partition")

    def produce(self, value: bytes) -> None:
        self.producer.begin_transaction()
        self.producer.produce(self.target, value, partition=0)
        self.producer.flush(30)

    def commit_with_offset(self) -> None:
        offsets = [TopicPartition(self.source, 0, 1)]
        self.producer.send_offsets_to_transaction(offsets, self.consumer.consumer_group_metadata(), 30)
        self.producer.commit_transaction(30)

    def visible(self) -> list[bytes]:
        tape = Tape(self.stack.kafka, [self.target], 1)
        values = [one.value for one in tape.catch_up()]
        tape.close()
        return values

    def consumed(self) -> int:
        return self.consumer.committed([TopicPartition(self.source, 0)], timeout=30)[0].offset


@pytest.mark.parametrize("then", [CLOSE, RESET])
def test_a_producer_used_again_after_an_abort_loses_its_output_without_an_error(
    stack: SharedServers, prefix: str, proxy: KafkaProxy, then: str
) -> None:
    naive = Naive(stack, prefix, proxy)
    trap = proxy.trap(END_TXN, then)
    naive.produce(b"aborted")
    naive.producer.abort_transaction(30)

    naive.produce(b"output")
    trap.held().release()
    wait_until(lambda: naive.visible() == [], "the late abort is on the log")
    naive.commit_with_offset()

    assert naive.consumed() == 1
    assert naive.visible() == []


def test_a_producer_used_again_after_a_late_commit_shows_what_it_aborts(stack: SharedServers, prefix: str, proxy: KafkaProxy) -> None:
    naive = Naive(stack, prefix, proxy)
    trap = proxy.trap(END_TXN, CLOSE)
    naive.produce(b"committed")
    naive.producer.commit_transaction(30)

    naive.produce(b"never committed")
    trap.held().release()

    wait_until(lambda: naive.visible() == [b"committed", b"never committed"], "the late commit is on the log")


@pytest.fixture
def scene(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    """Workers that speak to the broker directly, and a validator that goes through the proxy."""
    with Scene(stack, prefix, tmp_path) as scene:
        scene.services.start("services.migrator")
        scene.services.start("services.verifier")
        yield scene


def start_validator(scene: Scene, proxy: KafkaProxy) -> None:
    scene.services.start("services.validator", WHIMBREL_KAFKA=proxy.bootstrap).wait_ready()


def exits_with(scene: Scene, codes: tuple[int, ...]) -> None:
    """The validator ends with one of those statuses; then it is started again."""
    validator = scene.services.running[-1]
    wait_until(lambda: validator.exit_code() is not None, "the validator has ended")
    assert validator.exit_code() in codes, validator.log.read_text()[-2_000:]
    validator.start()
    validator.wait_ready()


def release_inside_the_next_transaction(scene: Scene, proxy: KafkaProxy, late: Trap) -> None:
    """Events of the next batch are flushed and its offsets are on their way when the late request arrives."""
    open_ = proxy.trap(TXN_OFFSET_COMMIT, LEAVE)
    scene.request(5)
    held = open_.held()
    late.held().release()
    held.release()


def nothing_is_lost_and_effects_are_done_once(scene: Scene) -> None:
    scene.settle(60, Random(1), scene.requested)
    evidence = scene.judge()
    assert evidence.findings.examples == {}
    assert sum(effect.changed for effect in evidence.effects) == 3 * scene.requested


@pytest.mark.parametrize(("api_key", "then"), [(END_TXN, CLOSE), (TXN_OFFSET_COMMIT, RESET)])
def test_a_request_that_outlived_its_connection_is_fenced_R5(scene: Scene, proxy: KafkaProxy, api_key: int, then: str) -> None:
    start_validator(scene, proxy)
    late = proxy.trap(api_key, then)
    scene.request(5)
    exits_with(scene, LOST_CONNECTION)

    release_inside_the_next_transaction(scene, proxy, late)

    nothing_is_lost_and_effects_are_done_once(scene)


def test_a_commit_without_an_answer_ends_the_validator_and_is_fenced_R5(scene: Scene, proxy: KafkaProxy) -> None:
    start_validator(scene, proxy)
    late = proxy.trap(END_TXN, LEAVE)
    scene.request(5)
    late.held()
    exits_with(scene, NO_ANSWER)

    release_inside_the_next_transaction(scene, proxy, late)

    nothing_is_lost_and_effects_are_done_once(scene)


def test_a_late_abort_from_a_start_is_noticed_and_repeated_R5(scene: Scene, proxy: KafkaProxy) -> None:
    late = proxy.trap(INIT_PRODUCER_ID, CLOSE)
    start_validator(scene, proxy)

    release_inside_the_next_transaction(scene, proxy, late)

    nothing_is_lost_and_effects_are_done_once(scene)
    assert scene.services.running[-1].starts > 1
