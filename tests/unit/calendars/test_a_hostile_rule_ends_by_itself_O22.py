"""A rule that never comes true would be searched for until the year 9999: the process that expands it ends (O22)."""

import subprocess
import sys
from pathlib import Path

import msgspec

from libs.calendars.asking import Answer, File, Question, Repeats

ROOT = Path(__file__).resolve().parents[3]
NOW = 1_767_225_600_000_000
WEEKLY = Repeats(rule="FREQ=WEEKLY;COUNT=2", begins="2026-01-03T22:00:00", zone="Europe/Berlin", duration="PT6H")


def asked(question: Question) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "libs.calendars"]
    return subprocess.run(command, input=msgspec.json.encode(question), capture_output=True, cwd=ROOT, timeout=120, check=False)


def test_it_expands_rules_and_files_O22() -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Close\nDTSTART;VALUE=DATE:20260301\nEND:VEVENT\nEND:VCALENDAR\n"
    done = asked(Question(now=NOW, parts=(WEEKLY, File(text=text, zone="UTC"))))
    answer = msgspec.json.decode(done.stdout, type=Answer)

    assert [len(spans) for spans in answer.spans] == [2, 1]
    assert answer.spans[1][0].label == "Close"


def test_it_names_the_part_that_is_wrong_O22() -> None:
    done = asked(Question(now=NOW, parts=(WEEKLY, File(text="hello", zone="UTC"))))

    assert msgspec.json.decode(done.stdout, type=Answer) == Answer(wrong=1, message="line 1: 'hello' is no calendar line; write NAME:value")


def test_a_rule_that_never_comes_true_ends_the_process_O22() -> None:
    never = msgspec.structs.replace(WEEKLY, rule="FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")
    done = asked(Question(now=NOW, parts=(never,)))

    assert done.returncode < 0
    assert done.stdout == b""
