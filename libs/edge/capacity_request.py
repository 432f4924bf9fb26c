"""What a capacity is asked to allow, as people write it, and how that becomes the settings of a command."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from libs.calendars.asking import File, Repeats
from libs.calendars.bounds import Span
from libs.calendars.recurrence import Recurrence
from libs.contracts import capacity as c
from libs.domain.capacity.setting import LONGEST_LOCKOUT_MS, MOST_INTERVALS, flaw_of
from libs.edge.asking import micros_of
from libs.edge.expanding import Part, expanded, wrong
from libs.edge.migration_request import Body
from libs.edge.problems import TAG
from libs.edge.values import Moment, OptionalReason, Text

Label = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="What it is called, e.g. year-end close")]
Origin = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
Zone = Annotated[str, Field(max_length=64, description="IANA time zone, e.g. Europe/Berlin")]


class WindowInterval(Body):
    """A stretch of time, its end not included."""

    begins: Moment = Field(description="First moment (RFC 3339)")
    ends: Moment = Field(description="First moment after it (RFC 3339)")


class WindowRule(Body):
    """Something that repeats; expanded to UTC two years ahead when it is set."""

    rule: Text = Field(description="RRULE of RFC 5545, HOURLY or longer, e.g. FREQ=WEEKLY;BYDAY=SA")
    begins: Text = Field(description="First begin by the clock on the wall, e.g. 2026-01-03T22:00:00")
    zone: Zone
    duration: Text = Field(description="How long each lasts (ISO 8601), e.g. PT6H")

    def asked(self) -> Repeats:
        """The rule as it is expanded."""
        return Repeats(rule=self.rule, begins=self.begins, zone=self.zone, duration=self.duration)


class FreezeInterval(WindowInterval):
    """A stretch of time in which nothing is granted."""

    label: Label = ""


class FreezeRule(WindowRule):
    """A freeze that repeats."""

    label: Label = ""


class FreezeFile(Body):
    """A calendar file (RFC 5545): each of its events that is not cancelled is a freeze."""

    calendar: str = Field(max_length=512 * 1024, description="The file, from BEGIN:VCALENDAR to END:VCALENDAR")
    zone: Zone = Field(default="UTC", description="Where its whole days, and its times without a zone, are meant")

    def asked(self) -> File:
        """The file as it is expanded."""
        return File(text=self.calendar, zone=self.zone)


def _kind(value: Any) -> str:
    given = value if isinstance(value, dict) else {}
    return TAG + ("file" if "calendar" in given else "rule" if "rule" in given else "interval")


Window = Annotated[Annotated[WindowRule, Tag(f"{TAG}rule")] | Annotated[WindowInterval, Tag(f"{TAG}interval")], Discriminator(_kind)]
FreezeBody = Annotated[
    Annotated[FreezeRule, Tag(f"{TAG}rule")] | Annotated[FreezeFile, Tag(f"{TAG}file")] | Annotated[FreezeInterval, Tag(f"{TAG}interval")],
    Discriminator(_kind),
]


class CapacityRequest(Body):
    """What a capacity allows from now on; what is left out is not limited."""

    limit: int = Field(default=0, ge=0, le=5_000, description="How many may hold a slot at once; 0 for any number")
    per_minute: int = Field(default=0, ge=0, le=6_000, description="How many slots may be granted within any minute; 0 for any number")
    windows: list[Window] = Field(default=[], max_length=MOST_INTERVALS, description="When slots are granted; none for always")
    freezes: list[FreezeBody] = Field(default=[], max_length=MOST_INTERVALS, description="When no slot is granted, windows or not")
    lockout_ms: int = Field(
        default=0,
        ge=0,
        le=LONGEST_LOCKOUT_MS,
        description="How long before it closes the last slot is granted, in milliseconds; at most 31 days",
    )
    on_close: Literal["finish", "pause"] = Field(default="finish", description="What becomes of holders when it closes")
    windows_from: Origin = Field(default="", description="Where windows given as intervals come from, for people")
    freezes_from: Origin = Field(default="", description="Where freezes given as intervals come from, for people")
    description: OptionalReason = Field(default="", description="What the capacity is for, for people")

    async def settings(self, now: int) -> c.CapacitySettings:
        """The settings, rules and files expanded as of `now`. Raises HttpProblem 422 naming what is wrong."""
        parts = [Part(f"/windows/{n}", w.asked()) for n, w in enumerate(self.windows) if isinstance(w, WindowRule)]
        parts += [Part(f"/freezes/{n}", f.asked()) for n, f in enumerate(self.freezes) if not isinstance(f, FreezeInterval)]
        spans = dict(zip([part.pointer for part in parts], await expanded(parts, now), strict=True))
        windows = [span for n, w in enumerate(self.windows) for span in _spans(w, spans.get(f"/windows/{n}"))]
        freezes = [span for n, f in enumerate(self.freezes) for span in _spans(f, spans.get(f"/freezes/{n}"))]
        found = c.CapacitySettings(
            limit=self.limit,
            per_minute=self.per_minute,
            windows=tuple(c.Interval(begins=span.begins, ends=span.ends) for span in sorted(set(windows))),
            freezes=freezes_of(freezes),
            lockout_ms=self.lockout_ms,
            on_close=self.on_close,
            windows_from=_origin(self.windows) or self.windows_from,
            freezes_from=_origin(self.freezes) or self.freezes_from,
            description=self.description,
        )
        return checked(found)


def freezes_of(spans: list[Span]) -> tuple[c.Freeze, ...]:
    """Spans as freezes, in order, each once."""
    return tuple(c.Freeze(begins=span.begins, ends=span.ends, label=span.label) for span in sorted(set(spans)))


def checked(settings: c.CapacitySettings) -> c.CapacitySettings:
    """The settings. Raises HttpProblem 422 when they cannot hold, whether or not the caller waits for the decision."""
    flaw = flaw_of(settings)
    if flaw:
        raise wrong("", "invalid_settings", flaw)
    return settings


def _spans(given: Any, found: tuple[Span, ...] | None) -> list[Span]:
    label = getattr(given, "label", "")
    if found is None:
        return [Span(micros_of(given.begins), micros_of(given.ends), label)]
    return [Span(span.begins, span.ends, label or span.label) for span in found]


def _origin(given: list[Any]) -> str:
    """The expressions that intervals come from, in words."""
    rules = [str(Recurrence(w.rule, w.begins, w.zone, w.duration)) for w in given if isinstance(w, WindowRule)]
    files = [f"calendar file of {len(f.calendar):,} characters, zone {f.zone}" for f in given if isinstance(f, FreezeFile)]
    return "; ".join([*rules, *files])[:4_000]
