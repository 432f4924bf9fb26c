"""A client command without an outcome is found, and only that (D10, R1)."""

from collections.abc import Sequence

from libs.audit.reconciling import Unanswered, reconcile
from libs.audit.record import LogRecord

COMMANDS, EVENTS, LETTERS = "w.migration.commands", "w.migration.events", "w.dead-letters"
NOW, GRACE = 1_000_000, 10_000


def command(offset: int, command_id: bytes, kind: bytes = b"RequestMigration", *, at: int = 0, key: bytes = b"acme/m1") -> LogRecord:
    headers = (("ce_type", b"whimbrel.migration." + kind), ("ce_id", command_id))
    return LogRecord(COMMANDS, 0, offset, at, key, b"value", headers)


def event(causation: bytes, key: bytes = b"acme/m1") -> LogRecord:
    return LogRecord(EVENTS, 0, 0, 0, key, b"value", (("ce_causationid", causation),))


def letter(offset: int, reader: str = "validator") -> LogRecord:
    return LogRecord(LETTERS, 0, 0, 0, f"{reader}/{COMMANDS}/0/{offset}".encode(), b"value", ())


def left(commands: list[LogRecord], events: Sequence[LogRecord] = (), letters: Sequence[LogRecord] = ()) -> list[str]:
    return [found.command_id for found in reconcile(commands, events, letters, now_ms=NOW, grace_ms=GRACE)[1]]


def test_a_command_without_event_or_dead_letter_is_named_with_its_place_D10() -> None:
    counted, found = reconcile([command(7, b"a"), command(8, b"b")], [event(b"b")], [], now_ms=NOW, grace_ms=GRACE)

    assert counted == 2
    assert found == [Unanswered(COMMANDS, 0, 7, "acme/m1", "a", "RequestMigration", NOW)]


def test_a_dead_letter_is_an_outcome_D10() -> None:
    assert left([command(7, b"a"), command(8, b"b")], letters=[letter(7)]) == ["b"]


def test_a_dead_letter_of_another_reader_is_none_D10() -> None:
    assert left([command(7, b"a")], letters=[letter(7, "projector")]) == ["a"]


def test_an_event_of_another_aggregate_is_none_D10() -> None:
    assert left([command(7, b"a")], [event(b"a", b"other/m1")]) == ["a"]


def test_a_key_sent_twice_needs_one_outcome_D2() -> None:
    assert left([command(7, b"a"), command(8, b"a")], [event(b"a")]) == []


def test_reports_of_workers_need_none_D1() -> None:
    assert left([command(7, b"a", b"WakeMigration")]) == []


def test_a_command_within_its_grace_is_not_judged_D10() -> None:
    assert left([command(7, b"a", at=NOW - GRACE + 1)]) == []
