"""A small log of several aggregates on two partitions, chained as the validator chains it, and ways to forge its export."""

from pathlib import Path
from typing import Any

import orjson

from libs.audit import bundle
from libs.audit.envelopes import shipped
from libs.audit.record import LogRecord, leaf_of
from libs.contracts.avro import hash_of, schema_of
from libs.contracts.envelope import CommandEnvelope, follow, key_of
from libs.contracts.migration.events import MigrationPaused, MigrationResumed
from libs.contracts.refusal import CommandRefused

TOPIC = "test.migration.events"
NOW = 1_700_000_000_000_000


def _event(aggregate: str, number: int, version: int, previous: bytes, body: Any) -> tuple[bytes, tuple[tuple[str, bytes], ...], bytes]:
    cause = CommandEnvelope(
        command_id=f"{aggregate}-{number}", tenant="acme", aggregate=aggregate, environment="dev", actor="someone",
        correlation_id="c", occurred_at=NOW,
    )  # fmt: skip
    schema = schema_of(type(body))
    payload = schema.encode(body, follow(cause, ordinal=0, version=version, recorded_at=NOW + number, previous=previous, digest=b""))
    headers = (("ce_dataschema", b"urn:avro:sha-256:" + schema.fingerprint.hex().encode()), ("traceparent", b"00-%032x-1-01" % number))
    return b"\0\0\0\0\1" + payload, headers, hash_of(schema.fingerprint, payload)


def log(rounds: int = 5, aggregates: int = 6, reason: str = "reason") -> list[LogRecord]:
    """Events of six aggregates in turns, with gaps between offsets as transaction markers leave them, and a refusal outside any chain."""
    records: list[LogRecord] = []
    heads = {f"mig-{n}": b"" for n in range(aggregates)}
    offsets = [0, 0]
    for number in range(rounds):
        for n, (aggregate, previous) in enumerate(list(heads.items())):
            body = MigrationPaused(reason=f"{reason} {number}") if number % 2 else MigrationResumed(reason="", phase="testing")
            value, headers, heads[aggregate] = _event(aggregate, number, number + 1, previous, body)
            partition = n % 2
            key = key_of("acme", aggregate)
            records.append(LogRecord(TOPIC, partition, offsets[partition], 1_700_000_000_000 + number, key, value, headers))
            offsets[partition] += 1 if n % 3 else 2
    value, headers, _ = _event(
        "unknown", 1, 0, b"", CommandRefused(command="PauseMigration", code="not_found", message="no such migration")
    )
    records.insert(7, LogRecord(TOPIC, 1, records[6].offset, 1_700_000_000_001, key_of("acme", "unknown"), value, headers))
    return renumbered(records)


def renumbered(records: list[LogRecord]) -> list[LogRecord]:
    """The records in the order of an export, each partition's offsets rising from 0, some left out."""
    out: list[LogRecord] = []
    for partition in (0, 1):
        mine = [record for record in records if record.partition == partition]
        out += [record._replace(offset=n + n // 4) for n, record in enumerate(mine)]
    return out


def export(path: Path, records: list[LogRecord]) -> Path:
    """An export of these records."""
    bundle.write(path, shipped(), records, {"prefix": "test"})
    return path


def rewritten(path: Path, lines: list[bytes]) -> Path:
    """An export of these lines of records, its last line computed anew, as a careful forger would."""
    import hashlib

    first = path.read_bytes().splitlines(keepends=True)[0]
    body = first + b"".join(lines)
    end = orjson.dumps({"end": True, "records": len(lines), "sha256": hashlib.sha256(body).hexdigest()}) + b"\n"
    path.write_bytes(body + end)
    return path


def releafed(record: LogRecord) -> bytes:
    """Line of a record as an export has it, its hash computed anew."""
    return orjson.dumps(bundle.line_of(record)) + b"\n"


__all__ = ["TOPIC", "export", "leaf_of", "log", "releafed", "renumbered", "rewritten"]
