"""Garbage on commands, events and state: dead letters and alarms, never a stalled partition, never folded (D4, D7, R11)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from libs.contracts.topics import events_of, state_of
from libs.testing.chaos.chance import Random
from libs.testing.chaos.checker import check
from libs.testing.chaos.flood import flood, scatter
from libs.testing.chaos.garbage import OnCommands
from libs.testing.chaos.recording import Logged, Recording, Tape
from libs.testing.chaos.scene import PARTITIONS, Scene
from libs.testing.servers import SharedServers
from libs.testing.services import Service

GARBAGE = 20_000
REASONS = {
    "undecodable", "unknown_schema", "key_mismatch", "wrong_partition", "no_value", "not_wire_format", "invalid_key", "too_large",
    "unexpected_type", "invalid_time",
}  # fmt: skip


@pytest.fixture
def scene(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    with Scene(stack, prefix, tmp_path) as scene:
        for name in ("validator", "migrator", "verifier"):
            scene.services.start(f"services.{name}").wait_ready()
        yield scene


@pytest.mark.timeout(300)
def test_all_garbage_on_commands_becomes_dead_letters_and_all_good_commands_are_decided_R11(scene: Scene) -> None:
    scatter(scene, OnCommands(scene.codec, scene.prefix, Random(11)), GARBAGE, good_every=100)
    scene.settle(120, Random(1), scene.requested)

    evidence = scene.judge()

    assert evidence.findings.examples == {}
    letters = [letter.body for letter in evidence.recording.dead_letters]
    assert len(letters) == GARBAGE
    assert {letter["reason"] for letter in letters} == REASONS
    assert all(letter["reader"] == "validator" and letter["detail"] for letter in letters)
    assert scene.services.running[0].starts == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("topic", ["intake", "events"])
def test_a_flood_of_garbage_stops_no_service_and_good_requests_between_are_carried_out_R11(
    topic: str, stack: SharedServers, prefix: str, tmp_path: Path
) -> None:
    with Scene(stack, prefix, tmp_path) as scene:
        line = flood(scene, tmp_path, topic, 5_000, seed=12)

    assert line["clean"], line
    assert (line["good"], line["dead_letters"]) == (50, 5_000 if topic == "intake" else 0)


class Foreigner:
    """Writes what it has no business to write, and remembers where it went."""

    def __init__(self, scene: Scene, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": scene.stack.kafka})
        self._topic = topic
        self.places: set[tuple[int, int]] = set()

    def write(self, like: Logged, value: bytes | None, headers: dict[str, bytes]) -> None:
        self._producer.produce(
            self._topic,
            value,
            like.key,
            like.partition,
            headers=dict(headers),
            on_delivery=lambda _, m: self.places.add((m.partition(), m.offset())),
        )

    def done(self) -> int:
        assert self._producer.flush(30) == 0
        return len(self.places)


def read(scene: Scene, topic: str) -> list[Logged]:
    tape = Tape(scene.stack.kafka, [topic], PARTITIONS)
    found = tape.catch_up()
    tape.close()
    return found


def restart(service: Service) -> None:
    service.kill()
    service.start()
    service.wait_ready()


def without(recording: Recording, places: set[tuple[int, int]]) -> Recording:
    return Recording(
        recording.commands,
        [event for event in recording.events if (event.partition, event.offset) not in places],
        recording.states,
        recording.dead_letters,
        recording.committed,
    )


def clean_apart_from(scene: Scene, places: set[tuple[int, int]]) -> None:
    evidence = scene.judge()
    recording = without(evidence.recording, places)
    assert check(recording, evidence.journal, evidence.effects).examples == {}


def ahead(event: Logged) -> bytes:
    """The same event with a version far beyond: its zigzag varint follows tenant, aggregate and id, all shorter than 64 bytes."""
    value = bytearray(event.value)
    at = 5
    for _ in range(3):
        at += 1 + value[at] // 2
    value[at] = 126
    return bytes(value)


def test_what_a_stranger_writes_on_events_is_refused_with_an_alarm_and_stops_nobody_D4(scene: Scene) -> None:
    validator = scene.services.running[0]
    scene.request(20, duration_ms=300, steps=6)
    scene.wait(lambda: scene.watcher.events > 60, "the work has begun")
    foreigner = Foreigner(scene, events_of(scene.prefix, "migration"))
    for event in read(scene, events_of(scene.prefix, "migration"))[:60]:
        foreigner.write(event, event.value, event.headers)
        foreigner.write(event, event.value[:-3], event.headers | {"ce_sequence": b"%020d" % 40})
        foreigner.write(event, ahead(event), event.headers | {"ce_sequence": b"%020d" % 63})
        foreigner.write(event, b"\xff" * 50, {})
        foreigner.write(event, None, {"ce_sequence": b"seven"})
    written = foreigner.done()

    restart(validator)
    scene.settle(90, Random(1), scene.requested)

    refused = Counter(line["reason"] for line in validator.lines("record refused"))
    assert refused.total() == written
    assert refused.keys() == {"repeated", "undecodable", "does_not_follow", "not_an_event"}
    clean_apart_from(scene, foreigner.places)


def test_what_a_stranger_writes_on_state_is_refused_and_made_good_from_the_log_D4(scene: Scene) -> None:
    validator, migrator, verifier = scene.services.running
    scene.request(24, duration_ms=300, steps=6)
    scene.wait(lambda: scene.watcher.events > 100, "the work has begun")
    migrator.kill()
    verifier.kill()
    validator.kill()
    topic = state_of(scene.prefix, "migration")
    latest = {state.key: state for state in read(scene, topic)}
    oldest = {state.key: state for state in reversed(read(scene, topic))}
    foreigner = Foreigner(scene, topic)
    for number, (key, state) in enumerate(latest.items()):
        match number % 6:
            case 0:
                foreigner.write(state, b"\xff" * 80, {})
            case 1:
                foreigner.write(state, None, {})
            case 2:
                foreigner.write(state, state.value[:40], state.headers)
            case 3:
                foreigner.write(state, oldest[key].value, oldest[key].headers)
            case 4:
                foreigner.write(state, state.value, state.headers | {"wake": b"never"})
            case 5:
                foreigner.write(state._replace(key=b"nobody/" + key), b"\0", {"version": b"1"})
    foreigner.done()

    for service in (validator, migrator, verifier):
        restart(service)
    scene.settle(90, Random(1), scene.requested)

    assert len(validator.lines("record refused")) >= len(latest) // 2
    evidence = scene.judge()
    assert evidence.findings.examples == {}
    assert evidence.recording.states.keys() >= latest.keys()
    assert not any(key.startswith(b"nobody/") for key in evidence.recording.states)
