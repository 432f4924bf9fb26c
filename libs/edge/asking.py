"""What all queries have in common: as of when, from which position on, in pages, with an entity tag."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from libs.edge.decisions import Document
from libs.edge.problems import HttpProblem, Wrong
from libs.edge.routing import Answer, Call
from libs.readmodel.position import Position, parse
from libs.readmodel.queries.page import Page
from libs.readmodel.reading import Snapshot
from libs.runtime.clock import now_us

_PART = "[a-z]{1,20}:[0-9]{1,4}:[0-9]{1,18}"
_POSITION = f"{_PART}(,{_PART})*"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+ -][0-9]{2}:[0-9]{2})"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_POSITION = 8_192
AT = "Answer as of this moment: a time (RFC 3339) or a position that an answer gave"
PositionText = Annotated[str, Field(max_length=MAX_POSITION, pattern=f"^{_POSITION}$")]
_MOMENT = f"^({_POSITION}|{_TIME})$"


def _moment_text(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(_MOMENT.strip("^$"), value):
        raise PydanticCustomError(
            "no_moment", "write a time as RFC 3339 has it, e.g. 2027-01-31T12:00:00Z, or a position that an answer gave"
        )
    return value


MomentText = Annotated[str, Field(max_length=MAX_POSITION, pattern=_MOMENT), BeforeValidator(_moment_text)]
Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


def micros_of(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // datetime.resolution


def _moment(text: str) -> Position | int:
    """The time or position that a text means. Raises HttpProblem for a day that no calendar has."""
    if ":" in text.partition(",")[0].partition("-")[0]:
        return parse(text, "at")
    try:  # a plus sign that was not percent-encoded arrives as a space
        return micros_of(datetime.fromisoformat(text.replace(" ", "+").upper()))
    except (ValueError, OverflowError) as error:
        wrong: Wrong = {"pointer": "/query/at", "code": "no_moment", "detail": "there is no such time"}
        raise HttpProblem("invalid_request", errors=[wrong]) from error


def moment_of(call: Call, snapshot: Snapshot, latest: int) -> int:
    """The time that a query is about, in microseconds since the epoch: now, or `at`. A position has none of its own: `latest` is its."""
    if snapshot.at is None:
        return now_us()
    at = _moment(call.query.at)
    return at if isinstance(at, int) else latest


class Fresh(BaseModel):
    """How fresh the read model must be."""

    model_config = ConfigDict(extra="forbid")

    min_position: PositionText | None = Field(
        default=None, description="Wait up to 5 seconds until the read model has reached this position"
    )


class Asked(Fresh):
    """As of when a query is answered."""

    at: MomentText | None = Field(default=None, description=AT)


class _Pages(BaseModel):
    limit: int = Field(default=50, ge=1, le=500, description="Items of a page at most")
    cursor: Annotated[str, Field(max_length=2_000)] = Field(default="", description="Where the page begins: `next` of the page before")


class PagedNow(_Pages, Fresh):
    """A query that is answered in pages, as of now only."""


class Paged(_Pages, Asked):
    """A query that is answered in pages."""


class Items(Document):
    """Base of a page."""

    next: str | None = Field(default=None, description="Cursor of the next page; missing on the last one")
    position: str = Field(description="Position in the log that the answer reflects; give it as `at` for the same answer again")


def _known(call: Call, position: Position) -> Position:
    """The position, if this log has its partitions: what it has not is never reached. Raises HttpProblem."""
    strangers = position.keys() - call.edge.tail.places()
    if call.edge.started and strangers:
        aggregate, partition = min(strangers)
        wrong: Wrong = {
            "pointer": "/query/min_position",
            "code": "no_partition",
            "detail": f"there is no partition {aggregate}:{partition}",
        }
        raise HttpProblem("invalid_request", errors=[wrong])
    return position


@asynccontextmanager
async def asked(call: Call) -> AsyncIterator[Snapshot]:
    """The snapshot that a query is to be answered from. Raises HttpProblem."""
    at, least = getattr(call.query, "at", None), call.query.min_position
    moment = None if at is None else _moment(at)
    reached = _known(call, parse(least, "min_position")) if least else None
    async with call.edge.read_side.snapshot(moment, reached) as snapshot:
        yield snapshot


def paged(call: Call, snapshot: Snapshot, page: Page, document: Callable[[Any], dict[str, Any]]) -> Answer:
    """The answer that a page is."""
    return items(call, snapshot, [document(row) for row in page.rows], page.cursor)


def items(call: Call, snapshot: Snapshot, found: Sequence[Any], cursor: str = "") -> Answer:
    """The answer that a list is, with the link to what follows it."""
    position = str(snapshot.answered)
    headers = {"Event-Position": position}
    body: dict[str, Any] = {"items": found, "position": position}
    if cursor:
        body["next"] = cursor
        again = [(name, value) for name, value in call.request.query.items() if name not in ("cursor", "min_position")]
        headers["Link"] = f'<{call.request.path}?{urlencode([*again, ("cursor", cursor)])}>; rel="next"'
    return Answer(body, headers=headers)


def single(call: Call, snapshot: Snapshot, body: dict[str, Any], version: int) -> Answer:
    """The answer that one aggregate is; 304 when the caller has this version."""
    headers = {"ETag": f'"{version}"', "Event-Position": str(snapshot.answered)}
    known = {tag.strip().removeprefix("W/") for tag in call.request.headers.get("If-None-Match", "").split(",")}
    if headers["ETag"] in known or "*" in known:
        return Answer(None, 304, headers)
    return Answer(body | {"position": headers["Event-Position"]}, headers=headers)


def missing(what: str) -> HttpProblem:
    """The problem that something does not exist, or is another tenant's."""
    return HttpProblem("not_found", f"There is no such {what}.")
