"""The check of one partition, record by record in the order of the log. Pure; memory grows with its aggregates, not its events."""

from libs.audit.envelopes import Envelopes, Header, Unreadable
from libs.audit.findings import Findings
from libs.audit.record import LogRecord, Place, leaf_of
from libs.audit.seal_format import Head, Sealed
from libs.audit.tree import BLOCK, root_of
from libs.contracts.avro import hash_of
from libs.contracts.envelope import key_of

_NONE = Head(0, b"")


class PartitionCheck:
    """Checks one partition, against a seal where there is one, and gathers what a new seal would say of it."""

    def __init__(self, place: Place, envelopes: Envelopes, findings: Findings, sealed: Sealed | None = None) -> None:
        self._place, self._envelopes, self._findings, self._sealed = place, envelopes, findings, sealed
        self.records = 0
        self.last = -1
        self.heads: dict[bytes, Head] = {}
        self.blocks: list[bytes] = []
        self._leaves: list[bytes] = []
        self._block_begins = 0
        self._differs = False

    def take(self, record: LogRecord, leaf: bytes | None = None, line: int = 0) -> None:
        """Check the next record. `leaf` spares hashing it again."""
        offset = record.offset
        if offset <= self.last:
            message = f"it follows offset {self.last}: records were reordered or repeated"
            self._findings.add(self._place, offset, "out_of_order", message, line)
        self._count(leaf or leaf_of(record), offset)
        self.last = max(self.last, offset)
        try:
            fingerprint, name, header = self._envelopes.read(record.header("ce_dataschema"), record.value)
        except Unreadable as error:
            self._findings.add(self._place, offset, "unreadable", str(error), line)
            return
        if record.key != key_of(header.tenant, header.aggregate):
            message = f"its key is {record.key!r}, but the {name} in it belongs to {header.tenant}/{header.aggregate}"
            self._findings.add(self._place, offset, "key_mismatch", message, line)
        if header.version == 0:
            if header.previous:
                self._findings.add(self._place, offset, "chain_broken", f"a {name} outside any chain names a predecessor", line)
            return
        self._follow(record, name, header, hash_of(fingerprint, record.value[5:]), line)

    def _follow(self, record: LogRecord, name: str, header: Header, hash_: bytes, line: int) -> None:
        key, offset = key_of(header.tenant, header.aggregate), record.offset
        head, who = self.heads.get(key, _NONE), f"{header.tenant}/{header.aggregate}"
        if header.version <= head.version:
            message = f"{name} is version {header.version} of {who}, which stands at {head.version}: inserted, repeated or reordered"
            self._findings.add(self._place, offset, "version_repeated", message, line)
            return
        if header.version > head.version + 1:
            missing = f"version {head.version + 1}" + (f" to {header.version - 1}" if header.version > head.version + 2 else "")
            message = f"{name} is version {header.version} of {who}, but {missing} is missing before it"
            self._findings.add(self._place, offset, "version_missing", message, line)
        elif header.previous != head.hash:
            self._broken(head, header, who, offset, line)
        self.heads[key] = Head(header.version, hash_, offset)
        self._compare_head(key, who, header.version, hash_, offset)

    def _broken(self, head: Head, header: Header, who: str, offset: int, line: int) -> None:
        if not head.version:
            message = f"version 1 of {who} names a predecessor: it was changed"
            self._findings.add(self._place, offset, "chain_broken", message, line)
            return
        message = f"version {header.version} of {who} at offset {offset} does not carry the hash of version {head.version} at offset {head.offset}: one of the two was changed"
        self._findings.add(self._place, head.offset, "chain_broken", message)

    def _compare_head(self, key: bytes, who: str, version: int, hash_: bytes, offset: int) -> None:
        sealed = self._sealed.heads.get(key) if self._sealed else None
        if sealed is not None and sealed.version == version and sealed.hash != hash_:
            message = f"version {version} of {who} is not the one that was sealed: it, or what it follows, was changed"
            self._findings.add(self._place, offset, "not_as_sealed", message)

    def _count(self, leaf: bytes, offset: int) -> None:
        if not self._leaves:
            self._block_begins = offset
        self._leaves.append(leaf)
        self.records += 1
        sealed = self._sealed
        if sealed is not None and self.records == sealed.records and len(self._leaves) < BLOCK:
            self._compare_block(sealed.tail, offset)
        if len(self._leaves) == BLOCK:
            self.blocks.append(root_of(self._leaves))
            if sealed is not None and len(self.blocks) <= len(sealed.blocks):
                self._compare_block(sealed.blocks[len(self.blocks) - 1], offset)
            self._leaves = []

    def _compare_block(self, expected: bytes, last: int) -> None:
        """After the first block that differs all later ones do, so only that one says anything."""
        if self._differs or root_of(self._leaves) == expected:
            return
        self._differs = True
        first = self._block_begins
        if not self._findings.named_within(self._place, first, last):
            message = f"something between this offset and {last} is not as it was sealed (contents, headers, time, or their number)"
            self._findings.add(self._place, first, "not_as_sealed", message)

    @property
    def tail(self) -> bytes:
        """Root of the records after the last full block."""
        return root_of(self._leaves)

    def finish(self) -> None:
        """Compare the end with the seal."""
        sealed = self._sealed
        if sealed is None:
            return
        if self.records < sealed.records:
            message = f"the partition ends here: {sealed.records - self.records} of {sealed.records} sealed records, up to offset {sealed.last}, are missing"
            self._findings.add(self._place, self.last + 1, "cut", message)
        for key, head in sealed.heads.items():
            found = self.heads.get(key, _NONE)
            if found.version < head.version:
                message = f"{key.decode(errors='replace')} ends at version {found.version}, but version {head.version} was sealed: its tail is missing"
                self._findings.add(self._place, found.offset + 1, "cut", message)
