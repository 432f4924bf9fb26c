"""A calendar file as Outlook, Google and others write it becomes freezes; what cannot is refused by its line (O22)."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.calendars.bounds import CalendarError, micros, moment
from libs.calendars.files import freezes_of

NOW = micros(datetime(2026, 1, 1, tzinfo=UTC))
BERLIN = """BEGIN:VTIMEZONE
TZID:Headquarters
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def calendar(*events: str, before: str = "") -> str:
    blocks = "".join(f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n" for n, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//calendar//EN\n{before}{blocks}END:VCALENDAR\n".replace("\n", "\r\n")


def told(text: str, zone: str = "UTC", now: int = NOW) -> list[str]:
    return [
        f"{moment(span.begins):%Y-%m-%dT%H:%M}/{moment(span.ends):%Y-%m-%dT%H:%M} {span.label}".strip()
        for span in freezes_of(text, zone, now)
    ]


def test_an_event_with_an_end_one_with_a_duration_and_one_that_takes_the_day_O22() -> None:
    text = calendar(
        "SUMMARY:Audit\nDTSTART:20260301T080000Z\nDTEND:20260301T100000Z",
        "SUMMARY:Payroll\nDTSTART;TZID=Europe/Berlin:20260701T080000\nDURATION:PT90M",
        "SUMMARY:Holiday\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227",
        "SUMMARY:One day\nDTSTART;VALUE=DATE:20260329",
    )

    assert told(text, "Europe/Berlin") == [
        "2026-03-01T08:00/2026-03-01T10:00 Audit",
        "2026-03-28T23:00/2026-03-29T22:00 One day",
        "2026-07-01T06:00/2026-07-01T07:30 Payroll",
        "2026-12-24T23:00/2026-12-26T23:00 Holiday",
    ]


def test_a_recurrence_less_its_exceptions_and_with_its_extra_dates_O22() -> None:
    text = calendar(
        "SUMMARY:Close\nDTSTART;TZID=Europe/Berlin:20260327T220000\nDURATION:PT2H\nRRULE:FREQ=DAILY;COUNT=4\n"
        "EXDATE;TZID=Europe/Berlin:20260328T220000\nRDATE;TZID=Europe/Berlin:20260401T220000"
    )

    assert told(text) == [
        "2026-03-27T21:00/2026-03-27T23:00 Close",
        "2026-03-29T20:00/2026-03-29T22:00 Close",
        "2026-03-30T20:00/2026-03-30T22:00 Close",
        "2026-04-01T20:00/2026-04-01T22:00 Close",
    ]


def test_one_occurrence_that_was_moved_O22() -> None:
    moved = "UID:same\nSUMMARY:Moved\nRECURRENCE-ID:20260102T080000Z\nDTSTART:20260102T120000Z\nDTEND:20260102T130000Z"
    series = "UID:same\nSUMMARY:Series\nDTSTART:20260101T080000Z\nDTEND:20260101T090000Z\nRRULE:FREQ=DAILY;COUNT=2"
    text = calendar("X", "Y").replace("UID:0\r\n", "").replace("UID:1\r\n", "")
    text = text.replace("\r\nX\r\n", f"\r\n{series}\r\n").replace("\r\nY\r\n", f"\r\n{moved}\r\n")

    assert told(text) == ["2026-01-01T08:00/2026-01-01T09:00 Series", "2026-01-02T12:00/2026-01-02T13:00 Moved"]


def test_a_zone_that_the_file_itself_describes_O22() -> None:
    text = calendar("DTSTART;TZID=Headquarters:20260701T080000\nDURATION:PT1H", before=BERLIN)

    assert told(text) == ["2026-07-01T06:00/2026-07-01T07:00"]


def test_a_zone_by_the_name_that_windows_gives_it_O22() -> None:
    assert told(calendar("DTSTART;TZID=W. Europe Standard Time:20260701T080000\nDURATION:PT1H")) == ["2026-07-01T06:00/2026-07-01T07:00"]


def test_a_time_without_a_zone_is_meant_where_the_calendar_is_O22() -> None:
    assert told(calendar("DTSTART:20260701T080000\nDURATION:PT1H"), "America/New_York") == ["2026-07-01T12:00/2026-07-01T13:00"]


def test_what_is_cancelled_past_or_empty_does_not_count_O22() -> None:
    text = calendar(
        "STATUS:CANCELLED\nDTSTART:20260301T080000Z\nDURATION:PT1H",
        "DTSTART:20250301T080000Z\nDURATION:PT1H",
        "DTSTART:20260301T080000Z\nDTEND:20260301T080000Z",
        "DTSTART:20990301T080000Z\nDURATION:PT1H",
    )

    assert told(text) == []
    assert told(calendar()) == []


def test_leap_day_and_overlapping_events_stay_as_they_are_O22() -> None:
    now = micros(datetime(2027, 6, 1, tzinfo=UTC))
    text = calendar(
        "SUMMARY:Leap\nDTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY",
        "SUMMARY:Month end\nDTSTART:20280228T120000Z\nDTEND:20280301T120000Z",
    )

    assert told(text, now=now) == ["2028-02-28T12:00/2028-03-01T12:00 Month end", "2028-02-29T00:00/2028-03-01T00:00 Leap"]


def test_folded_lines_and_a_byte_order_mark_O22() -> None:
    text = "\ufeff" + calendar("SUMMARY:Year-end\n  close of the\n  books\nDTSTART:20260301T080000Z\nDURATION:PT1H")

    assert told(text) == ["2026-03-01T08:00/2026-03-01T09:00 Year-end close of the books"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "line 1: the file is empty"),
        ("  \n\n", "line 1: the file is empty"),
        ("hello", "line 1: 'hello' is no calendar line"),
        ("<html>", "line 1: '<html>'"),
        ("BEGIN:VEVENT\nEND:VEVENT", "line 1: a calendar file begins with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR", "holds one calendar|no calendar file"),
        ("BEGIN:VCALENDAR\nVERSION:2.0", "line 1: END:VCALENDAR is missing"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "line 3: END:VCALENDAR closes VEVENT, which begins on line 2"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR", "line 3"),
        (calendar("SUMMARY:x"), "line 4: the event has no DTSTART"),
        (calendar("DTSTART:2026-03-01"), "line 7: DTSTART"),
        (calendar("DTSTART;TZID=Nowhere/Town:20260301T080000"), "line 7: DTSTART names the zone 'Nowhere/Town'"),
        (calendar("DTSTART:20260301T080000Z\nEXDATE;TZID=Nowhere/Town:20260301T080000"), "line 8: EXDATE names the zone"),
        (calendar("DTSTART:20260301T080000Z\nRRULE:FREQ=SOMETIMES"), "line 8: RRULE"),
        (calendar("DTSTART:20260301T080000Z\nRRULE:FREQ=SECONDLY"), "line 8: FREQ is 'SECONDLY'"),
        (calendar("DTSTART:20260301T080000Z\nDURATION:PT5M\nRRULE:FREQ=HOURLY"), "more than 1,000 intervals"),
        (calendar("DTSTART:10660301T080000Z\nRRULE:FREQ=DAILY"), "line 7: DTSTART is before 1970"),
        (calendar("DTSTART:20260301T080000Z\nDTEND:20260201T080000Z"), "line 8: DTEND is before DTSTART"),
        (calendar("DTSTART:20260301T080000Z\nDURATION:forever"), "line 8: DURATION"),
        (
            calendar("DTSTART:20260301T080000Z\nDTEND:20260301T090000Z\nDTEND:20260301T100000Z"),
            "line 8: the event has DTEND more than once",
        ),
        (calendar("DTSTART:20260301T080000Z\nDTSTART:20260302T080000Z"), "line 7: the event has DTSTART more than once"),
        (calendar("DTSTART:20260301T080000Z\nRDATE;VALUE=DATE:P99999D"), "line 4: the event cannot be read"),
        (calendar("DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260301T100000Z/PT1H"), "line 4: the event"),
        ("BEGIN:VCALENDAR\n" * 100_000, "is missing|more than 512 KiB"),
        ("BEGIN:VCALENDAR\n" + "X:" + "y" * 600_000, "more than 512 KiB"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_line_O22(text: str, named: str) -> None:
    with pytest.raises(CalendarError, match=named):
        freezes_of(text, "UTC", NOW)


@given(st.text(max_size=200), st.integers(0, 400))
def test_no_text_ends_in_anything_but_a_refusal_O22(noise: str, at: int) -> None:
    text = calendar("SUMMARY:x\nDTSTART:20260301T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2")
    for hostile in (noise, text[:at] + noise + text[at:]):
        with suppress(CalendarError):
            freezes_of(hostile, "UTC", NOW)
