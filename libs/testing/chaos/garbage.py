"""What strangers put on the commands. Every piece is checked here, without the codec, to be no command."""

from collections.abc import Callable
from typing import NamedTuple

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import PauseMigration, RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.operations import ProgressReported
from libs.contracts.topics import commands_of
from libs.contracts.work import ReportWork
from libs.runtime.codec import Codec, Headers, Record
from libs.testing.chaos.chance import Random
from libs.testing.chaos.recording import Schemas
from libs.testing.chaos.scene import PARTITIONS

MIB = 1 << 20
BLOB_EVERY = 2_000
YEAR_10000 = 253_402_300_800_000_000


class Piece(NamedTuple):
    """One piece of garbage. Partition -1 lets the partitioner choose."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int = -1


class OnCommands:
    """Makes pieces for the commands of migrations, each of another kind than the last."""

    def __init__(self, codec: Codec, prefix: str, random: Random) -> None:
        self.topic = self._topic = commands_of(prefix, "migration")
        self._codec, self._random = codec, random
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
            correlation_id="g", occurred_at=1_767_225_600_000_000 + number,
        )  # fmt: skip
        return self._codec.command(self._topic, envelope, body or PauseMigration(reason="garbage"), b"")

    def _flipped(self) -> Piece:
        good = self._good()
        while True:
            value = bytearray(good.value)
            value[self._random.randrange(len(value))] ^= 1 << self._random.randrange(8)
            kind, body, _ = self._schemas.read(bytes(value), {n: v for n, v in good.headers if isinstance(v, bytes)})
            if (
                not kind
                or not 0 <= body["envelope"]["occurred_at"] < YEAR_10000
                or f"{body['envelope']['tenant']}/{body['envelope']['aggregate']}".encode() != good.key
            ):
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
