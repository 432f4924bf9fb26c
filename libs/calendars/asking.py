"""What `python -m libs.calendars` is asked and answers, as JSON on its standard input and output."""

import msgspec

from libs.calendars.bounds import Span


class Repeats(msgspec.Struct, frozen=True, kw_only=True, tag="repeats"):
    """A rule to expand; see libs.calendars.recurrence.Recurrence."""

    rule: str
    begins: str
    zone: str
    duration: str


class File(msgspec.Struct, frozen=True, kw_only=True, tag="file"):
    """A calendar file to expand; `zone` is where its times without a zone are meant."""

    text: str
    zone: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to expand, and from when on."""

    now: int
    parts: tuple[Repeats | File, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of each part; or which part is wrong, and why."""

    spans: tuple[tuple[Span, ...], ...] = ()
    wrong: int = -1
    message: str = ""
