"""A flood of garbage with good requests between: `python -m libs.testing.chaos.flood --topic commands --count 1000000`.

On commands and intake every piece must become a dead letter with its bytes; on events the projector must keep every piece as
its reject, and nobody may fold one. Every good request must be carried out, and no service may have ended.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from confluent_kafka import Message

from deploy.embedded.ports import free_port, get
from deploy.embedded.stack import Stack
from libs.readmodel import generations
from libs.readmodel.wiring import open_pool
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.testing.chaos.chance import Random
from libs.testing.chaos.comparing import differences
from libs.testing.chaos.garbage import MIB, OnCommands, Piece
from libs.testing.chaos.garbage_elsewhere import OnEvents, OnIntake
from libs.testing.chaos.journal import UNPLACED, Entry, Garbage, Journal, Place, read_journal
from libs.testing.chaos.scene import PARTITIONS, Scene
from libs.testing.waiting import wait_until

SERVICES = ("validator", "migrator", "verifier", "projector", "notifier")
SETTLE_S = 3_600
_REJECTS = (
    """SELECT partition, pos, encode(sha256(coalesce(value, '')), 'hex') FROM dead_letter WHERE reader = 'projector' AND topic = $1"""
)


class Kinds(Protocol):
    """A source of garbage for one topic."""

    topic: str

    def piece(self, number: int) -> Piece:
        """The piece of that number."""


GARBAGE: dict[str, Callable[[Codec, str, Random], Kinds]] = {"commands": OnCommands, "intake": OnIntake, "events": OnEvents}


def scatter(scene: Scene, garbage: Kinds, count: int, good_every: int = 0) -> None:
    """Send garbage, journal where each piece arrived, and with `good_every` ask for a rehearsal between so many pieces."""
    producer = kafka.producer(scene.stack.kafka, **{"message.max.bytes": 8 * MIB, "linger.ms": 20})
    for number in range(count):
        piece = garbage.piece(number)
        arrived = _journalled(scene.journal, garbage.topic, piece.value or b"")
        while True:
            try:
                producer.produce(garbage.topic, piece.value, piece.key, piece.partition, headers=piece.headers, on_delivery=arrived)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        if good_every and number % good_every == 0:
            scene.request(1)
    assert producer.flush(120) == 0


def _journalled(journal: Journal, topic: str, value: bytes) -> Callable[[object, Message], None]:
    digest = hashlib.sha256(value).hexdigest()

    def arrived(error: object, message: Message) -> None:
        assert error is None, error
        offset = message.offset()  # None when the broker had it already and answered a repeat
        journal.write(
            Entry(
                what="garbage",
                topic=topic,
                partition=message.partition() or 0,
                offset=UNPLACED if offset is None else offset,
                sha256=digest,
            )
        )

    return arrived


def start(scene: Scene, home: Path) -> None:
    """All six services, ready."""
    for name in SERVICES:
        scene.services.start(f"services.{name}")
    port = free_port()
    scene.services.start("services.ingress", 0, WHIMBREL_HTTP_PORT=str(port), WHIMBREL_DATA_DIR=str(home / "ingress"))
    for service in scene.services.running[: len(SERVICES)]:
        service.wait_ready()
    wait_until(lambda: (get(port, "/readyz") or (0, b""))[0] == 200, "ingress is ready")


def not_rejected(dsn: str, prefix: str, journal: list[Entry]) -> Iterator[str]:
    """Pieces on events that the projector does not hold as its rejects exactly once, one sentence each."""
    garbage = Garbage(journal)
    held: dict[Place, str] = {}
    for topic in {topic for topic, _, _ in garbage.placed}:
        held |= {(topic, partition, pos): digest for partition, pos, digest in asyncio.run(_rejects(dsn, prefix, topic))}
    for place, digest in held.items():
        if place not in garbage.placed and not garbage.claim(digest):
            yield f"{'/'.join(map(str, place))} is rejected, but was no garbage"
    missing = [*("/".join(map(str, place)) for place in garbage.placed.keys() - held.keys()), *garbage.unclaimed()]
    yield from (f"{name} is no reject" for name in missing)


async def _rejects(dsn: str, prefix: str, topic: str) -> list[tuple[int, int, str]]:
    async with open_pool(dsn) as pool, pool.acquire() as connection, connection.transaction():
        await generations.use(connection, await generations.live(connection, prefix))
        return [(row[0], row[1], row[2]) for row in await connection.fetch(_REJECTS, topic)]


def flood(scene: Scene, home: Path, topic: str, count: int, seed: int) -> dict[str, object]:
    """One flood; what became of it."""
    start(scene, home)
    began = time.monotonic()
    scatter(scene, GARBAGE[topic](scene.codec, scene.prefix, Random(seed)), count, good_every=100)
    sent = time.monotonic() - began
    scene.settle(SETTLE_S, Random(seed), scene.requested)
    if topic == "intake":
        scene.wait(lambda: scene.dead_letters() >= count, "the intake is read", SETTLE_S)
    found = differences(scene.stack.postgres, scene.stack.kafka, scene.prefix, scene.codec, PARTITIONS)
    seconds = time.monotonic() - began
    if topic == "events":
        found += not_rejected(scene.stack.postgres, scene.prefix, read_journal(scene.journal.path))
    ended = [service.name for service in scene.services.running if service.starts > 1 or service.exit_code() is not None]
    evidence = scene.judge([*found, *(f"{name} ended" for name in ended)])
    for kind, examples in evidence.findings.examples.items():
        scene.say(f"{kind}: {'; '.join(examples)}")
    line = {"garbage": count, "topic": topic, "dead_letters": len(evidence.recording.dead_letters), "good": scene.requested}
    return line | dict(evidence.findings.counts) | {"clean": evidence.findings.clean, "sent_s": round(sent, 1), "all_s": round(seconds, 1)}


def main() -> int:
    """Exit status 0 when nothing was lost, folded or stopped."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.chaos.flood", description=__doc__)
    parser.add_argument("--topic", choices=GARBAGE, default="commands", help="where the garbage goes")
    parser.add_argument("--count", type=int, default=1_000_000, help="how many pieces of garbage")
    parser.add_argument("--seed", type=int, default=1, help="seed of the garbage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Stack.ephemeral() as stack:
        kafka.create_topics(stack.kafka, "garbage", PARTITIONS)
        with Scene(stack, "garbage", Path(home), say=lambda text: print(text, file=sys.stderr)) as scene:
            line = flood(scene, Path(home), given.topic, given.count, given.seed)
    print(json.dumps(line))
    return 0 if line["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
