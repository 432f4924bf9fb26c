"""A whole audit: records in the order of the log, one check a partition, one report."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from libs.audit import bundle
from libs.audit.checking import PartitionCheck
from libs.audit.envelopes import Envelopes, shipped
from libs.audit.findings import Finding, Findings
from libs.audit.record import LogRecord, Place, leaf_of
from libs.audit.seal import Seal

Told = Callable[[int], None]


class Report(NamedTuple):
    """What an audit came to. `findings` are the first ones by position; `found` counts all."""

    events: int
    aggregates: int
    partitions: int
    found: int
    findings: list[Finding]
    seconds: float
    sealed: bool

    @property
    def intact(self) -> bool:
        """Whether nothing contradicts anything."""
        return not self.found


class Auditor:
    """Audits one log. `seal` is what it is compared with; `told` hears how many records were checked so far."""

    def __init__(self, envelopes: Envelopes, findings: Findings, seal: Seal | None = None, told: Told = lambda _: None) -> None:
        self._envelopes, self._findings, self._seal, self._told = envelopes, findings, seal, told
        self._events = self._aggregates = self._partitions = 0

    def checks(self, entries: Iterable[bundle.Entry]) -> Iterator[tuple[Place, PartitionCheck]]:
        """Check everything; gives each partition's check once it is complete."""
        check: PartitionCheck | None = None
        place: Place = ("", -1)
        done: set[Place] = set()
        for entry in entries:
            if check is None or entry.record.place != place:
                if check is not None:
                    yield self._ended(place, check, done)
                place = entry.record.place
                if place in done:
                    self._findings.add(
                        place, entry.record.offset, "out_of_order", "records of this partition stand in two places", entry.line
                    )
                check = self._begun(place)
            check.take(entry.record, entry.leaf, entry.line)
            self._events += 1
            if self._events % 1_000 == 0:
                self._told(self._events)
        if check is not None:
            yield self._ended(place, check, done)
        for missing in [] if self._seal is None else [sealed for sealed in self._seal.places if sealed not in done]:
            self._begun(missing).finish()

    def _begun(self, place: Place) -> PartitionCheck:
        return PartitionCheck(place, self._envelopes, self._findings, self._seal.sealed(place) if self._seal else None)

    def _ended(self, place: Place, check: PartitionCheck, done: set[Place]) -> tuple[Place, PartitionCheck]:
        check.finish()
        done.add(place)
        self._partitions += 1
        self._aggregates += len(check.heads)
        return place, check

    def report(self, seconds: float) -> Report:
        """What it came to."""
        found = self._findings
        return Report(self._events, self._aggregates, self._partitions, found.count, found.ordered, seconds, self._seal is not None)

    def run(self, entries: Iterable[bundle.Entry]) -> Report:
        """Check everything and report."""
        began = time.monotonic()
        for _ in self.checks(entries):
            pass
        return self.report(time.monotonic() - began)


def audit_log(records: Iterable[LogRecord], seal: Seal | None = None, told: Told = lambda _: None) -> Report:
    """Audit records as they stand in the log, by the schemas that are shipped."""
    return Auditor(Envelopes(shipped()), Findings(), seal, told).run(entries_of(records))


def audit_bundle(path: Path, seal: Seal | None = None, told: Told = lambda _: None) -> Report:
    """Audit an export, by the schemas in it. Raises bundle.NotAnExport, OSError."""
    findings = Findings()
    opened = bundle.Bundle(path, findings)
    return Auditor(Envelopes(opened.schemas), findings, seal, told).run(opened.entries())


def entries_of(records: Iterable[LogRecord]) -> Iterator[bundle.Entry]:
    """Records of a live log as entries; they stand on no line."""
    for record in records:
        yield bundle.Entry(record, leaf_of(record), 0)
