"""A rule, a zone and a duration become UTC intervals, through daylight saving and leap years (O22, X9)."""

from datetime import UTC, datetime

import pytest

from libs.calendars.bounds import HORIZON_US, CalendarError, Span, micros, moment
from libs.calendars.recurrence import Recurrence, expanded

NOW = micros(datetime(2026, 1, 1, tzinfo=UTC))
NIGHT = Recurrence("FREQ=WEEKLY;BYDAY=SA", "2026-01-03T22:00:00", "Europe/Berlin", "PT6H")


def told(spans: list[Span]) -> list[str]:
    return [f"{moment(span.begins):%Y-%m-%dT%H:%M}/{moment(span.ends):%Y-%m-%dT%H:%M}" for span in spans]


def only(rule: str, begins: str, duration: str, zone: str = "Europe/Berlin", now: int = NOW) -> list[str]:
    return told(expanded(Recurrence(rule, begins, zone, duration), now))


def test_every_saturday_night_is_an_hour_earlier_in_utc_in_summer_O22() -> None:
    found = told(expanded(NIGHT, NOW))

    assert found[0] == "2026-01-03T21:00/2026-01-04T03:00"
    assert "2026-07-04T20:00/2026-07-05T02:00" in found
    assert len(found) == 105


def test_hours_are_exact_over_the_night_on_which_the_clocks_change_O22() -> None:
    assert only("FREQ=DAILY;COUNT=1", "2026-03-28T22:00:00", "PT6H") == ["2026-03-28T21:00/2026-03-29T03:00"]
    assert only("FREQ=DAILY;COUNT=1", "2026-10-24T22:00:00", "PT6H") == ["2026-10-24T20:00/2026-10-25T02:00"]


def test_days_end_at_the_same_time_by_the_clock_on_the_wall_O22() -> None:
    assert only("FREQ=DAILY;COUNT=1", "2026-03-28T22:00:00", "P1D") == ["2026-03-28T21:00/2026-03-29T20:00"]
    assert only("FREQ=DAILY;COUNT=1", "2026-10-24T22:00:00", "P1D") == ["2026-10-24T20:00/2026-10-25T21:00"]


def test_a_begin_that_the_clock_skips_or_shows_twice_O22() -> None:
    assert only("FREQ=DAILY;COUNT=1", "2026-03-29T02:30:00", "PT1H") == ["2026-03-29T01:30/2026-03-29T02:30"]
    assert only("FREQ=DAILY;COUNT=1", "2026-10-25T02:30:00", "PT1H") == ["2026-10-25T00:30/2026-10-25T01:30"]


def test_the_south_changes_its_clocks_the_other_way_round_O22() -> None:
    found = only("FREQ=MONTHLY;BYMONTH=1,7;COUNT=2", "2026-01-10T09:00:00", "PT1H", "Australia/Sydney")

    assert found == ["2026-01-09T22:00/2026-01-09T23:00", "2026-07-09T23:00/2026-07-10T00:00"]


def test_a_leap_day_comes_only_in_leap_years_O22() -> None:
    leap = ["2028-02-29T00:00/2028-03-01T00:00"]

    assert (
        only("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T00:00:00", "P1D", "UTC", micros(datetime(2027, 1, 1, tzinfo=UTC))) == leap
    )
    with pytest.raises(CalendarError, match="no interval within two years"):
        only("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29T00:00:00", "P1D", "UTC", micros(datetime(2025, 1, 1, tzinfo=UTC)))


def test_what_is_past_is_left_out_and_what_goes_on_is_kept_O22() -> None:
    during = micros(datetime(2026, 1, 4, 1, tzinfo=UTC))

    assert told(expanded(NIGHT, during))[0] == "2026-01-03T21:00/2026-01-04T03:00"
    assert told(expanded(NIGHT, during + 2 * 3_600_000_000))[0] == "2026-01-10T21:00/2026-01-11T03:00"


def test_until_is_understood_in_utc_and_by_the_clock_on_the_wall_O22() -> None:
    assert len(only("FREQ=DAILY;UNTIL=20260105T210000Z", "2026-01-03T22:00:00", "PT1H")) == 3
    assert len(only("FREQ=DAILY;UNTIL=20260105T205959Z", "2026-01-03T22:00:00", "PT1H")) == 2
    assert len(only("FREQ=DAILY;UNTIL=20260105T220000", "2026-01-03T22:00:00", "PT1H")) == 3


def test_until_the_last_day_of_all_means_for_ever_as_outlook_writes_it_O22() -> None:
    for_ever = Recurrence("FREQ=MONTHLY;BYMONTHDAY=1;UNTIL=99991231T235959Z", "2026-01-01T08:00:00", "Europe/Berlin", "PT1H")

    assert expanded(for_ever, NOW) == expanded(for_ever._replace(rule="FREQ=MONTHLY;BYMONTHDAY=1"), NOW)


def test_nothing_lies_beyond_two_years_O22() -> None:
    assert all(span.begins < NOW + HORIZON_US for span in expanded(NIGHT, NOW))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rule": ""}, "rule"),
        ({"rule": "FREQ=SECONDLY"}, "HOURLY"),
        ({"rule": "FREQ=MINUTELY;INTERVAL=5"}, "HOURLY"),
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "rule"),
        ({"rule": "FREQ=WEEKLY;NONSENSE=1"}, "rule"),
        ({"rule": "FREQ=WEEKLY;" + "BYDAY=SA;" * 60}, "rule"),
        ({"rule": "FREQ=WEEKLY\nRRULE:FREQ=SECONDLY"}, "rule"),
        ({"rule": "FREQ=HOURLY"}, "more than 1,000 intervals"),
        ({"rule": "FREQ=DAILY;UNTIL=20200101T000000Z"}, "no interval within two years"),
        ({"rule": "FREQ=DAILY;BYMINUTE=99"}, "rule"),
        ({"rule": "FREQ=MONTHLY;BYMINUTE=99;BYMONTHDAY=31"}, "rule"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"begins": "on Saturday"}, "begins"),
        ({"begins": "2026-01-03T22:00:00+01:00"}, "begins"),
        ({"begins": "1066-10-14T09:00:00"}, "begins"),
        ({"begins": "2050-01-01T00:00:00"}, "begins"),
        ({"duration": "6 hours"}, "duration"),
        ({"duration": "P"}, "duration"),
        ({"duration": "PT"}, "duration"),
        ({"duration": "PT0S"}, "duration"),
        ({"duration": "P2Y"}, "duration"),
        ({"duration": "P400D"}, "duration"),
    ],
)
def test_what_is_wrong_is_named_O22(change: dict[str, str], named: str) -> None:
    with pytest.raises(CalendarError, match=named):
        expanded(NIGHT._replace(**change), NOW)
