"""An iCalendar file as freezes: every event becomes the intervals it takes, recurrences, exceptions and zones resolved (RFC 5545)."""

import importlib
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Calendar

from libs.calendars.bounds import HORIZON_US, CalendarError, Span, bounded, micros, moment
from libs.calendars.recurrence import SHORTEST, zone_of

LARGEST = 512 * 1024
"""Bytes of the largest file."""
LONGEST_LABEL = 200
_recurring = importlib.import_module("recurring_ical_events")
_LINE = re.compile(r"(?P<name>[A-Za-z0-9-]+)(?:;[^:]*|;.*\".*)?:(?P<value>.*)", re.DOTALL)
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "STATUS", "SUMMARY")
_BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError)
"""What the library raises over values that it takes to be of another kind."""
_TIMES = ("DTSTART", "DTEND", "RDATE", "EXDATE")


class _Event(NamedTuple):
    """Where an event stands in the file: the line on which it begins, and the line of each property by name."""

    begins: int
    lines: dict[str, int]


def freezes_of(text: str, zone: str, now: int) -> list[Span]:
    """The freezes of a calendar that end after now and begin within two years.

    `zone` is where times without a zone, and whole days, are meant. Events that are cancelled do not count. Raises CalendarError,
    which names the line.
    """
    if len(text.encode()) > LARGEST:
        raise CalendarError(f"the file has more than {LARGEST // 1024} KiB; leave out what is past")
    text = text.removeprefix("\ufeff")
    here, events = zone_of(zone), _outline(text)
    try:
        calendar = Calendar.from_ical(text)
    except _BROKEN as error:
        raise CalendarError(f"this is no calendar file: {error}", 1) from error
    for event, place in zip(calendar.walk("VEVENT"), events, strict=True):
        try:
            _check(event, place)
            _check_order(event, place, here)
        except CalendarError:
            raise
        except _BROKEN as error:
            raise CalendarError(f"the event cannot be read: {error}", place.begins) from error
    return bounded(_spans(calendar, here, now, events), now, "the file")


def _outline(text: str) -> list[_Event]:
    """Where each event stands. Raises CalendarError for lines that are none, and blocks that do not close."""
    open_: list[tuple[str, int]] = []
    events: list[_Event] = []
    for number, line in _unfolded(text):
        match = _LINE.fullmatch(line)
        if match is None:
            raise CalendarError(f"{line[:60]!r} is no calendar line; write NAME:value", number)
        name, value = match["name"].upper(), match["value"].strip().upper()
        if not open_ and (name, value) != ("BEGIN", "VCALENDAR"):
            raise CalendarError("a calendar file begins with BEGIN:VCALENDAR and holds one calendar", number)
        if name == "BEGIN":
            open_.append((value, number))
            if value == "VEVENT":
                events.append(_Event(number, {}))
        elif name == "END":
            begun, at = open_.pop()
            if begun != value:
                raise CalendarError(f"END:{value} closes {begun}, which begins on line {at}; write END:{begun} first", number)
        elif open_[-1][0] == "VEVENT":
            events[-1].lines.setdefault(name, number)
    if open_ or not text.strip():
        raise CalendarError(f"END:{open_[-1][0]} is missing" if open_ else "the file is empty", open_[-1][1] if open_ else 1)
    return events


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines with what continues them, each with its number in the file."""
    begun, number = "", 0
    for count, line in enumerate(re.split(r"\r?\n", text), 1):
        if line[:1] in (" ", "\t") and number:
            begun += line[1:]
            continue
        if number and begun.strip():
            yield number, begun
        begun, number = line, count
    if begun.strip():
        yield number, begun


def _check(event: Any, place: _Event) -> None:
    """Raises CalendarError for the first property of an event that cannot be taken."""
    for name, error in event.errors:
        raise CalendarError(f"{name} cannot be read: {error}", place.lines.get(name, place.begins))
    for name in _ONCE:
        if isinstance(event.get(name), list):
            raise CalendarError(f"the event has {name} more than once; leave all but one out", place.lines[name])
    if "DTSTART" not in event:
        raise CalendarError("the event has no DTSTART; say when it begins", place.begins)
    for name in _TIMES:
        for value in event.get(name, []) if isinstance(event.get(name), list) else [event[name]] if name in event else []:
            _check_zone(name, value, place)
    for rule in event["RRULE"] if isinstance(event.get("RRULE"), list) else [event.get("RRULE", {"FREQ": ["DAILY"]})]:
        if rule.get("FREQ", [""])[0] not in SHORTEST:
            raise CalendarError(f"FREQ is {rule.get('FREQ', [''])[0]!r}; give one of {', '.join(SHORTEST)}", place.lines["RRULE"])


def _check_order(event: Any, place: _Event, here: ZoneInfo) -> None:
    if "DTEND" in event and _boundary(event["DTEND"].dt, here) < _boundary(event["DTSTART"].dt, here):
        raise CalendarError("DTEND is before DTSTART; give a later end", place.lines["DTEND"])


def _check_zone(name: str, value: Any, place: _Event) -> None:
    asked = value.params.get("TZID")
    times = [item.dt for item in value.dts] if hasattr(value, "dts") else [value.dt]
    for at in times:
        begin = at[0] if isinstance(at, tuple) else at
        if asked and isinstance(begin, datetime) and begin.tzinfo is None:
            message = (
                f"{name} names the zone {asked!r}, which is neither an IANA zone nor in a VTIMEZONE of the file; use e.g. Europe/Berlin"
            )
            raise CalendarError(message, place.lines[name])
        if begin.year < 1970:
            raise CalendarError(f"{name} is before 1970; move the event to when it matters", place.lines[name])


def _spans(calendar: Any, here: ZoneInfo, now: int, events: list[_Event]) -> Iterator[Span]:
    try:
        for occurrence in _recurring.of(calendar).between(moment(now), moment(now + HORIZON_US)):
            if str(occurrence.get("STATUS", "")).upper() != "CANCELLED":
                begins, ends = _boundary(occurrence.start, here), _boundary(occurrence.end, here)
                if begins < ends:
                    yield Span(begins, ends, str(occurrence.get("SUMMARY", ""))[:LONGEST_LABEL])
    except Exception as error:  # whatever the library trips over is something in the file that cannot be expanded
        raise CalendarError(f"the events cannot be expanded: {error}", events[0].begins if events else 1) from error


def _boundary(at: date | datetime, here: ZoneInfo) -> int:
    """A boundary of an occurrence; a day is its midnight in the zone of the calendar."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return micros(at if at.tzinfo else at.replace(tzinfo=here))
