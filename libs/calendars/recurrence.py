"""A rule like "every Saturday at 22:00 in Berlin for six hours" as UTC intervals (RFC 5545, "Recurrence Rule")."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from libs.calendars.bounds import HORIZON_US, CalendarError, Span, bounded, micros, moment

LONGEST_RULE = 500
LONGEST_DAYS = 366
SHORTEST = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?"
)
_UNTIL = re.compile(r"(?<=UNTIL=)(\d{8}T\d{6})Z")


class Recurrence(NamedTuple):
    """When something repeats."""

    rule: str
    """RRULE of RFC 5545, e.g. FREQ=WEEKLY;BYDAY=SA. Its frequency is HOURLY or longer."""
    begins: str
    """First begin by the clock on the wall, e.g. 2026-01-03T22:00:00."""
    zone: str
    """IANA time zone of that clock, e.g. Europe/Berlin."""
    duration: str
    """How long each lasts, e.g. PT6H. Hours are exact; weeks and days end at the same time by the clock on the wall."""

    def __str__(self) -> str:
        return f"RRULE:{self.rule} from {self.begins} {self.zone} for {self.duration}"


def expanded(recurrence: Recurrence, now: int) -> list[Span]:
    """The intervals that end after now and begin within two years.

    A begin that the clock skips in spring is taken with the offset before; one that it shows twice in autumn is the first
    (RFC 5545, "Form #3"). Raises CalendarError.
    """
    zone, first, (days, exact) = zone_of(recurrence.zone), _first(recurrence.begins), _duration(recurrence.duration)
    until = moment(now + HORIZON_US).astimezone(zone).replace(tzinfo=None)
    if first > until:
        raise CalendarError(f"begins is {recurrence.begins}, more than two years ahead; give an earlier time")
    begins = _begins(recurrence.rule, first, zone, until)
    spans = (Span(micros(at.replace(tzinfo=zone)), micros((at + days).replace(tzinfo=zone)) + exact) for at in begins)
    found = bounded(spans, now, f"the rule {recurrence.rule}")
    if not found:
        raise CalendarError(f"the rule {recurrence.rule} gives no interval within two years; check its parts, UNTIL and COUNT")
    return found


def zone_of(name: str) -> ZoneInfo:
    """An IANA time zone. Raises CalendarError for a name that there is not."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise CalendarError(f"zone is {name!r}, which is no time zone; give a name such as Europe/Berlin or UTC") from error


def _first(begins: str) -> datetime:
    try:
        first = datetime.fromisoformat(begins)
    except ValueError as error:
        raise CalendarError(f"begins is {begins!r}; give a local time such as 2026-01-03T22:00:00") from error
    if first.tzinfo is not None or first.year < 1970:
        raise CalendarError(f"begins is {begins!r}; give a local time from 1970 on, without an offset: the zone says where it is")
    return first


def _duration(text: str) -> tuple[timedelta, int]:
    """Days by the clock on the wall, and exact microseconds."""
    match = _DURATION.fullmatch(text)
    parts = {name: int(value or 0) for name, value in match.groupdict().items()} if match else {}
    days = timedelta(weeks=parts.pop("weeks", 0), days=parts.pop("days", 0))
    exact = timedelta(**parts)
    if not timedelta(0) < days + exact <= timedelta(days=LONGEST_DAYS):
        raise CalendarError(f"duration is {text!r}; give one of ISO 8601 such as PT6H or P2D, at most {LONGEST_DAYS} days")
    return days, (exact.days * 86_400 + exact.seconds) * 1_000_000


def _begins(rule: str, first: datetime, zone: ZoneInfo, until: datetime) -> Iterator[datetime]:
    text = rule.removeprefix("RRULE:").upper()
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    if len(rule) > LONGEST_RULE or parts.get("FREQ") not in SHORTEST:
        raise CalendarError(f"rule is {rule[:LONGEST_RULE]!r}; give an RRULE with FREQ={', '.join(SHORTEST[:-1])} or {SHORTEST[-1]}")
    try:
        found = rrulestr(_UNTIL.sub(lambda match: _local(match[1], zone), text), dtstart=first)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise CalendarError(f"rule is {rule!r}, which is no RRULE: {error}") from error
    try:
        for at in found:
            if at > until:
                return
            yield at
    except (ValueError, OverflowError) as error:  # some parts are looked at only when a time is made of them
        raise CalendarError(f"rule is {rule!r}, which gives no times: {error}") from error


def _local(utc: str, zone: ZoneInfo) -> str:
    """An UNTIL in UTC by the clock of the zone, as the begins are. One that means for ever stays as it is."""
    if utc.startswith("9999"):
        return utc
    return datetime.strptime(f"{utc}+0000", "%Y%m%dT%H%M%S%z").astimezone(zone).strftime("%Y%m%dT%H%M%S")
