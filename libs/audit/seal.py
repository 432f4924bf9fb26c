"""The seal: what the log was at a moment, signed and kept apart, so that even a consistent forgery and a cut tail are found.

Lines of JSON: one that names it; for each partition one with the roots of its blocks, then one for the head of each chain;
one with signature and public key. The signature covers the SHA-256 of all lines before it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from libs.audit.checking import PartitionCheck
from libs.audit.findings import Findings
from libs.audit.keys import SealKey, signed_by
from libs.audit.record import Place
from libs.audit.seal_format import Head, Sealed

FORMAT = "whimbrel_seal"


class BadSeal(ValueError):
    """A seal cannot be used: no seal, damaged, or signed by somebody else."""


class NotIntact(ValueError):
    """What is to be sealed contradicts itself; the message names the first place."""


def write(path: Path, key: SealKey, checks: Iterable[tuple[Place, PartitionCheck]], about: dict[str, Any], findings: Findings) -> int:
    """Write a seal of what was checked, in one piece; returns how many chains it holds. Raises NotIntact, OSError."""
    beside, digest, chains = path.with_name(f".{path.name}.part"), hashlib.sha256(), 0
    try:
        with beside.open("wb") as file:
            for line in _lines(checks, about):
                data = orjson.dumps(line) + b"\n"
                digest.update(data)
                file.write(data)
                chains += "version" in line
            if findings.count:
                raise NotIntact(f"the log is not intact: {findings.ordered[0]}")
            file.write(orjson.dumps({"signature": key.sign(digest.digest()).hex(), "public_key": key.public.hex()}) + b"\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return chains


def _lines(checks: Iterable[tuple[Place, PartitionCheck]], about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {FORMAT: 1, **about}
    for (topic, partition), check in checks:
        blocks = [block.hex() for block in check.blocks]
        roots = {"records": check.records, "last": check.last, "blocks": blocks, "tail": check.tail.hex()}
        yield {"topic": topic, "partition": partition, **roots}
        for key, head in check.heads.items():
            yield {"key": key.decode(), "version": head.version, "hash": head.hash.hex(), "offset": head.offset}


class _Section(NamedTuple):
    begin: int
    end: int


class Seal:
    """A seal whose signature holds. Sections are read when they are asked for, so that memory stays small."""

    def __init__(self, path: Path, trusted: bytes | None = None) -> None:
        """Check the signature, against a trusted public key where one is given. Raises BadSeal, OSError."""
        self._path = path
        self._sections: dict[Place, _Section] = {}
        digest, begin, last, end = hashlib.sha256(), 0, b"", 0
        place: Place | None = None
        with path.open("rb") as file:
            for line in file:
                digest.update(last)
                if line.startswith(b'{"topic"'):
                    if place is not None:
                        self._sections[place] = _Section(begin, end)
                    place, begin = _place_of(line), end
                elif line.startswith(b'{"signature"') and place is not None:
                    self._sections[place] = _Section(begin, end)
                last, end = line, end + len(line)
        self.public_key = _checked(path, last, digest.digest())
        if trusted is not None and trusted != self.public_key:
            raise BadSeal(f"{path} is signed by {self.public_key.hex()}, not by the key you trust")

    @property
    def places(self) -> list[Place]:
        """Partitions that were sealed."""
        return list(self._sections)

    def sealed(self, place: Place) -> Sealed | None:
        """What was sealed of a partition; None when it was not there."""
        section = self._sections.get(place)
        if section is None:
            return None
        with self._path.open("rb") as file:
            file.seek(section.begin)
            lines = file.read(section.end - section.begin).splitlines()
        first, *rest = map(orjson.loads, lines)
        heads = {line["key"].encode(): Head(line["version"], bytes.fromhex(line["hash"]), line["offset"]) for line in rest}
        blocks = tuple(bytes.fromhex(block) for block in first["blocks"])
        return Sealed(first["records"], first["last"], blocks, bytes.fromhex(first["tail"]), heads)


def _place_of(line: bytes) -> Place:
    try:
        found = orjson.loads(line)
        return str(found["topic"]), int(found["partition"])
    except (ValueError, KeyError, TypeError):
        return "", 0


def _checked(path: Path, last: bytes, digest: bytes) -> bytes:
    try:
        found = orjson.loads(last)
        public, signature = bytes.fromhex(found["public_key"]), bytes.fromhex(found["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadSeal(f"{path} does not end with a signature: it is no seal, or it was cut") from error
    if not signed_by(public, signature, digest):
        raise BadSeal(f"{path} was changed after it was signed: the signature does not hold")
    return public
