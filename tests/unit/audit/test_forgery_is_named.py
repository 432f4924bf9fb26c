"""Whatever is done to an export, the audit finds it and names the place (X7, O18)."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.audit import seal
from libs.audit.auditing import Auditor, Report, audit_bundle, entries_of
from libs.audit.bundle import NotAnExport
from libs.audit.envelopes import Envelopes, shipped
from libs.audit.findings import Findings
from libs.audit.keys import SealKey
from libs.audit.record import LogRecord
from tests.unit.audit.small_log import export, log, releafed, rewritten

RECORDS = log()
NUMBERS = st.integers(0, len(RECORDS) - 1)


@pytest.fixture(scope="module")
def sealed() -> Iterator[seal.Seal]:
    """The seal of the log as it truly is."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "log.heads"
        findings = Findings()
        auditor = Auditor(Envelopes(shipped()), findings)
        seal.write(path, SealKey(Path(home) / "seal.key"), auditor.checks(entries_of(RECORDS)), {"prefix": "test"}, findings)
        yield seal.Seal(path)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Where the export is written."""
    with tempfile.TemporaryDirectory() as home:
        yield Path(home) / "export.ndjson"


def test_an_untouched_export_holds(place: Path, sealed: seal.Seal) -> None:
    report = audit_bundle(export(place, RECORDS), sealed)

    assert report.intact
    assert (report.events, report.aggregates, report.partitions) == (len(RECORDS), 6, 2)


def test_a_longer_log_than_was_sealed_holds(place: Path, sealed: seal.Seal) -> None:
    longer = log(rounds=5) + [record for record in log(rounds=8) if record not in RECORDS]
    ordered = sorted(longer, key=lambda record: (record.partition, record.offset))

    assert audit_bundle(export(place, ordered), sealed).intact


def _forged(place: Path, records: list[LogRecord], sealed: seal.Seal) -> Report:
    """The report on a forgery in which every hash that needs no secret was computed anew."""
    export(place, RECORDS)
    return audit_bundle(rewritten(place, [releafed(record) for record in records]), sealed)


def _names(report: Report, record: LogRecord) -> bool:
    """Whether the first bad position is that of the record, or one close before it that shares a block or a chain."""
    first = report.findings[0]
    return (first.partition, first.topic) == (record.partition, record.topic) and first.offset <= record.offset


@settings(max_examples=150)
@given(place_in_file=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(place_in_file=0.8164874162978487, flip=2)  # bits of base64 that decoding ignores
def test_one_changed_byte_anywhere_in_the_file_is_found(place: Path, sealed: seal.Seal, place_in_file: float, flip: int) -> None:
    data = bytearray(export(place, RECORDS).read_bytes())
    first = data.index(b"\n") + 1
    where = first + int(place_in_file * (len(data) - first))
    data[where] ^= flip
    place.write_bytes(data)

    report = audit_bundle(place, sealed)

    assert data[:where].count(b"\n") + 1 in {found.line for found in report.findings}


@settings(max_examples=30)
@given(place_in_line=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_one_changed_byte_in_the_schemas_is_found(place: Path, sealed: seal.Seal, place_in_line: float, flip: int) -> None:
    data = bytearray(export(place, RECORDS).read_bytes())
    data[int(place_in_line * data.index(b"\n"))] ^= flip
    place.write_bytes(data)

    with suppress(NotAnExport):
        assert not audit_bundle(place, sealed).intact


@settings(max_examples=60)
@given(number=NUMBERS, where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_one_changed_byte_of_an_event_is_found_though_all_hashes_were_computed_anew(
    place: Path, sealed: seal.Seal, number: int, where: float, flip: int
) -> None:
    value = bytearray(RECORDS[number].value)
    value[int(where * len(value))] ^= flip
    records = [*RECORDS]
    records[number] = RECORDS[number]._replace(value=bytes(value))

    report = _forged(place, records, sealed)

    assert not report.intact
    assert _names(report, RECORDS[number])


@settings(max_examples=60)
@given(number=NUMBERS, field=st.sampled_from(["key", "offset", "timestamp", "headers", "partition"]))
def test_a_changed_key_place_time_or_header_is_found(place: Path, sealed: seal.Seal, number: int, field: str) -> None:
    record = RECORDS[number]
    changed = {
        "key": record.key + b"x",
        "offset": record.offset + 1,
        "timestamp": record.timestamp + 1,
        "headers": (record.headers[0], ("traceparent", b"another")),
        "partition": 1 - record.partition,
    }
    records = [*RECORDS]
    records[number] = record._replace(**{field: changed[field]})

    assert not _forged(place, records, sealed).intact


@settings(max_examples=60)
@given(number=NUMBERS)
def test_a_dropped_event_is_found(place: Path, sealed: seal.Seal, number: int) -> None:
    report = _forged(place, RECORDS[:number] + RECORDS[number + 1 :], sealed)

    assert not report.intact
    assert any(found.partition == RECORDS[number].partition for found in report.findings)


@settings(max_examples=60)
@given(number=NUMBERS, copied=NUMBERS)
def test_an_inserted_event_is_found(place: Path, sealed: seal.Seal, number: int, copied: int) -> None:
    inserted = RECORDS[copied]._replace(partition=RECORDS[number].partition, offset=RECORDS[number].offset)

    report = _forged(place, [*RECORDS[:number], inserted, *RECORDS[number:]], sealed)

    assert not report.intact
    assert report.findings[0].partition == RECORDS[number].partition


@settings(max_examples=60)
@given(pair=st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1] and RECORDS[pair[0]].partition == RECORDS[pair[1]].partition))
def test_two_events_that_changed_places_are_found(place: Path, sealed: seal.Seal, pair: tuple[int, int]) -> None:
    one, other = pair
    records = [*RECORDS]
    records[one] = RECORDS[other]._replace(offset=RECORDS[one].offset)
    records[other] = RECORDS[one]._replace(offset=RECORDS[other].offset)

    report = _forged(place, records, sealed)

    assert not report.intact
    assert report.findings[0].partition == RECORDS[one].partition
    assert report.findings[0].offset <= RECORDS[other].offset


@settings(max_examples=60)
@given(left=st.integers(0, len(RECORDS) - 1))
def test_a_cut_tail_is_found(place: Path, sealed: seal.Seal, left: int) -> None:
    report = _forged(place, RECORDS[:left], sealed)

    assert not report.intact
    assert "cut" in {found.code for found in report.findings}


def test_a_history_written_anew_from_one_event_on_is_found_at_that_event(place: Path, sealed: seal.Seal) -> None:
    """Everything after it is chained again, so that the forgery contradicts nothing but the seal."""
    report = _forged(place, log(reason="another"), sealed)
    changed = next(record for record, forged in zip(RECORDS, log(reason="another"), strict=True) if record != forged)

    assert "chain_broken" not in {found.code for found in report.findings}
    assert report.findings[0].code == "not_as_sealed"
    assert _names(report, changed)


def test_without_a_seal_a_cut_tail_goes_unseen_and_everything_else_is_found(place: Path) -> None:
    export(place, RECORDS)

    assert audit_bundle(rewritten(place, [releafed(record) for record in RECORDS[:20]])).intact

    value = RECORDS[2].value.replace(b"testing", b"tasting")
    records = [*RECORDS[:2], RECORDS[2]._replace(value=value), *RECORDS[3:]]
    report = audit_bundle(rewritten(place, [releafed(record) for record in records]))

    assert [(found.code, found.offset) for found in report.findings] == [("chain_broken", RECORDS[2].offset)]
    assert "one of the two was changed" in report.findings[0].message


def test_what_a_damaged_line_is_called(place: Path) -> None:
    lines = export(place, RECORDS).read_bytes().splitlines(keepends=True)
    lines[3] = b"not json\n"
    place.write_bytes(b"".join(lines))

    report = audit_bundle(place)

    assert report.findings[0].line == 4
    assert "line 4" in str(report.findings[0])
    assert report.findings[0].code == "unreadable"
