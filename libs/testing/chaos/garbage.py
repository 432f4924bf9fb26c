"""What strangers put on the commands: `python -m libs.testing.chaos.garbage --count 1000000` sends it and counts dead letters.

Every piece is checked here, without the codec, to be no command; the journal keeps where it went and a hash of its bytes.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Message

from deploy.embedded.stack import Stack
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import PauseMigration, RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.operations import ProgressReported
from libs.contracts.topics import commands_of
from libs.contracts.work import ReportWork
from libs.runtime import kafka
from libs.runtime.codec import Codec, Headers, Record
from libs.testing.chaos.chance import Random
from libs.testing.chaos.journal import Entry, Journal
from libs.testing.chaos.recording import Schemas
from libs.testing.chaos.scene import PARTITIONS, Scene

MIB = 1 << 20
BLOB_EVERY = 2_000


class Piece(NamedTuple):
    """One piece of garbage. Partition -1 lets the partitioner choose."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int = -1


class Garbage:
    """Makes pieces, each of another kind than the last."""

    def __init__(self, codec: Codec, prefix: str, random: Random) -> None:
        self._codec, self._topic, self._random = codec, commands_of(prefix, "migration"), random
        self._progress = f"{prefix}.progress"
        self._schemas = Schemas()
        self._kinds: tuple[Callable[[], Piece], ...] = (
            self._flipped, self._truncated, self._unknown_schema, self._wrong_branch, self._wrong_key, self._wrong_partition,
            self._null, self._foreign_type, self._slash_in_tenant, self._noise,
        )  # fmt: skip

    def piece(self, number: int) -> Piece:
        """The piece of that number; now and then a large one."""
        if number % BLOB_EVERY == BLOB_EVERY - 1:
            return self._blob() if number % (2 * BLOB_EVERY) > BLOB_EVERY else self._too_large()
        return self._kinds[number % len(self._kinds)]()

    def _good(self, tenant: str = "stranger", body: PauseMigration | ReportWork | RequestMigration | None = None) -> Record:
        number = self._random.randrange(1 << 30)
        envelope = CommandEnvelope(
            command_id=f"g{number}", tenant=tenant, aggregate=f"g{number}", environment="chaos", actor="stranger",
            correlation_id="g", occurred_at=0,
        )  # fmt: skip
        return self._codec.command(self._topic, envelope, body or PauseMigration(reason="garbage"), b"")

    def _flipped(self) -> Piece:
        good = self._good()
        while True:
            value = bytearray(good.value)
            value[self._random.randrange(len(value))] ^= 1 << self._random.randrange(8)
            kind, body, _ = self._schemas.read(bytes(value), {n: v for n, v in good.headers if isinstance(v, bytes)})
            if not kind or f"{body['envelope']['tenant']}/{body['envelope']['aggregate']}".encode() != good.key:
                return Piece(good.key, bytes(value), good.headers)

    def _truncated(self) -> Piece:
        good = self._good()
        return Piece(good.key, good.value[: self._random.randrange(len(good.value))], good.headers)

    def _unknown_schema(self) -> Piece:
        good = self._good()
        return Piece(good.key, b"\0" + self._random.choice((900_001, 900_002)).to_bytes(4, "big") + good.value[5:], [])

    def _wrong_branch(self) -> Piece:
        """The last two bytes of a report without a problem are the union's branch and a boolean."""
        good = self._good(body=ReportWork(work_id="g", attempt=1, outcome="failed"))
        return Piece(good.key, good.value[:-2] + b"\x06" + good.value[-1:], good.headers)

    def _wrong_key(self) -> Piece:
        good = self._good()
        return Piece(b"other/" + good.key, good.value, good.headers)

    def _wrong_partition(self) -> Piece:
        good = self._good()
        own = _partition_of(good.key)
        return Piece(good.key, good.value, good.headers, (own + 1 + self._random.randrange(PARTITIONS - 1)) % PARTITIONS)

    def _null(self) -> Piece:
        return Piece(self._good().key, None, [])

    def _foreign_type(self) -> Piece:
        """A record in perfect order that belongs on another topic."""
        progress = ProgressReported(tenant="stranger", migration="x", work_id="x", step="x", done=0, total=0, unit="rows", at=0)
        return Piece(*self._codec.plain(self._progress, progress, b"stranger/x", [])[:3])

    def _slash_in_tenant(self) -> Piece:
        return Piece(*self._good(tenant="acme/m1")[:3])

    def _noise(self) -> Piece:
        return Piece(self._random.randbytes(8), self._random.randbytes(self._random.randrange(1, 200)), [("noise", b"\xff\xfe")])

    def _blob(self) -> Piece:
        return Piece(b"stranger/blob", self._random.randbytes(MIB - 4_096), [])

    def _too_large(self) -> Piece:
        """A command in perfect order, eight times as large as one may be: it compresses well, so the broker takes it."""
        request = Request(provider="rehearsal", application="a", source="{}", target="{}", options=" " * 3 * MIB)
        return Piece(*self._good(body=RequestMigration(request=request))[:3])


def _partition_of(key: bytes) -> int:
    """Kafka's default partitioner, from its specification."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % PARTITIONS


def scatter(scene: Scene, count: int, seed: int, good_every: int = 0) -> None:
    """Send garbage, journal where each piece arrived, and with `good_every` ask for a rehearsal between so many pieces."""
    garbage, topic = Garbage(scene.codec, scene.prefix, Random(seed)), commands_of(scene.prefix, "migration")
    large = {"message.max.bytes": 8 * MIB, "linger.ms": 20}
    producer = kafka.producer(scene.stack.kafka, **large)
    for number in range(count):
        piece = garbage.piece(number)
        arrived = _journalled(scene.journal, topic, piece.value or b"")
        while True:
            try:
                producer.produce(topic, piece.value, piece.key, piece.partition, headers=piece.headers, on_delivery=arrived)
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
        journal.write(Entry(what="garbage", topic=topic, partition=message.partition() or 0, offset=message.offset() or 0, sha256=digest))

    return arrived


def main() -> int:
    """Exit status 0 when every piece is a dead letter with its bytes, and every command between them was answered."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.chaos.garbage", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="how many pieces of garbage")
    parser.add_argument("--seed", type=int, default=1, help="seed of the garbage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Stack.ephemeral() as stack:
        kafka.create_topics(stack.kafka, "garbage", PARTITIONS)
        with Scene(stack, "garbage", Path(home)) as scene:
            for name in ("validator", "migrator", "verifier"):
                scene.services.start(f"services.{name}").wait_ready()
            began = time.monotonic()
            scatter(scene, given.count, given.seed, good_every=100)
            sent = time.monotonic() - began
            scene.settle(3_600, Random(given.seed), scene.requested)
            seconds = time.monotonic() - began
            evidence = scene.judge()
    line = {"garbage": given.count, "dead_letters": len(evidence.recording.dead_letters), "good": scene.requested}
    print(json.dumps(line | dict(evidence.findings.counts) | {"sent_s": round(sent, 1), "all_s": round(seconds, 1)}))
    return 0 if evidence.findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
