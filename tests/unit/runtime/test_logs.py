"""A log is for people: it follows standard error wherever that goes, and never stops the work it tells of."""

import errno
import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from libs.runtime.telemetry import configure_logs


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    configure_logs("validator", 3)
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_lines_follow_standard_error_and_hide_secrets_SEC(monkeypatch: pytest.MonkeyPatch) -> None:
    log, now = structlog.get_logger(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", now)
    log.info("began", bootstrap="kafka:9092", dsn="postgresql://me:pw@h/db")
    line = json.loads(now.getvalue())
    assert (line["event"], line["service"], line["slot"], line["dsn"]) == ("began", "validator", 3, "[redacted]")


class Full(io.StringIO):
    """Standard error on a disk without room."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_on_a_full_disk_stops_nothing_R3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    structlog.get_logger().error("nobody can read this")


def test_a_log_whose_reader_has_gone_stops_nothing_R3(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    structlog.get_logger().error("nobody can read this")
