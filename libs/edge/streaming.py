"""Server-sent events: the log as it grows, resumable by position (WHATWG HTML, section 9.2)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import orjson
from aiohttp import web
from confluent_kafka import KafkaException
from pydantic import BaseModel, ConfigDict, Field

from libs.edge.asking import PositionText
from libs.edge.awaiting import Listener, Seen
from libs.edge.event_documents import EventDocument, event_document
from libs.edge.problems import HttpProblem, unavailable
from libs.edge.replaying import replay, too_old
from libs.edge.routing import SSE, Call, Outcome, Route
from libs.edge.values import ID_PATTERN
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.position import Position, parse
from libs.runtime.clock import now_us

HEARTBEAT_S = 15.0
RETRY_MS = 2_000
Wanted = Callable[[Seen], bool]
TypeName = Annotated[str, Field(pattern=r"^[A-Za-z]{1,60}\*?$")]


class StreamQuery(BaseModel):
    """What is streamed, and from where on."""

    model_config = ConfigDict(extra="forbid")

    type: TypeName | None = Field(default=None, description="Only events of this type; a trailing * matches all that begin so")
    migration: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(default=None, description="Only events of this migration")
    position: PositionText | None = Field(
        default=None, description="Position to begin after, as an answer gave it, where Last-Event-ID is not sent"
    )


class OneStreamQuery(BaseModel):
    """From where on one migration is streamed."""

    model_config = ConfigDict(extra="forbid")

    type: TypeName | None = Field(default=None, description="Only events of this type; a trailing * matches all that begin so")
    position: PositionText | None = Field(default=None, description="Position to begin after, where Last-Event-ID is not sent")


class _Stream:
    """One open stream: replay up to where listening began, then what the listener gets."""

    def __init__(self, call: Call, listener: Listener, id_: str) -> None:
        self._call, self._listener, self._id = call, listener, id_
        self._now = Position(listener.start)
        self._type = call.query.type or "*"

    def wanted(self, seen: Seen) -> bool:
        """Whether the filters let an event through."""
        name = type(seen.body).__name__
        fits = name.startswith(self._type[:-1]) if self._type.endswith("*") else name == self._type
        return fits and (not self._id or (seen.aggregate == "migration" and seen.envelope.aggregate == self._id))

    async def blocks(self, since: Position | None) -> AsyncIterator[bytes]:
        """The stream's blocks, without end."""
        yield f"retry: {RETRY_MS}\n\n".encode()
        if since is not None:
            if too_old(since, self._now):
                yield self._block(
                    b"reset",
                    {"reason": "the position is too old or unknown: read anew, then stream from there", "position": str(self._now)},
                )
            else:
                async for block in self._replayed(since):
                    yield block
        yield self._heartbeat()
        while True:
            try:
                seen = await self._listener.next(HEARTBEAT_S)
            except TimeoutError:
                yield self._heartbeat()
                continue
            if seen is None:
                return
            self._now[seen.aggregate, seen.partition] = seen.offset + 1
            if self.wanted(seen):
                yield self._event(seen)

    async def _replayed(self, since: Position) -> AsyncIterator[bytes]:
        settings, until = self._call.edge.settings, self._now
        self._now = Position(until | since)
        async for seen in replay(settings.kafka, settings.prefix, self._call.edge.codec, since, until, self._listener.prefix):
            self._now[seen.aggregate, seen.partition] = seen.offset + 1
            if self.wanted(seen):
                yield self._event(seen)
        self._now = until

    def _event(self, seen: Seen) -> bytes:
        return self._block(b"message", event_document(seen.aggregate, seen.envelope, seen.body))

    def _block(self, name: bytes, data: object) -> bytes:
        return b"event: %b\nid: %b\ndata: %b\n\n" % (name, str(self._now).encode(), orjson.dumps(data))

    def _heartbeat(self) -> bytes:
        """A comment that keeps the connection open; the position in it spares a quiet tenant a long replay."""
        if self._listener.caught_up:
            self._now = self._now.after(self._call.edge.tail.handed_on)
        return b": heartbeat\nid: %b\n\n" % str(self._now).encode()


def _since(call: Call) -> Position | None:
    given = call.request.headers.get("Last-Event-ID") or call.query.position
    if not given:
        return None
    try:
        return parse(given)
    except InvalidQuery as error:
        raise HttpProblem("invalid_header", f"Last-Event-ID or position is not valid: {error}.") from error


async def stream(call: Call) -> web.StreamResponse:
    """Send events until the caller goes away, the token expires or the process ends."""
    call.edge.require_started()
    since = _since(call)
    id_ = call.path.get("id") or getattr(call.query, "migration", None) or ""
    with call.edge.streams.one_more(call.principal.token):
        try:
            listener = await call.edge.tail.listen(call.principal.tenant)
        except KafkaException as error:
            raise unavailable("log_unavailable") from error
        try:
            response = web.StreamResponse(headers={"Content-Type": SSE, "X-Accel-Buffering": "no"})
            await response.prepare(call.request)
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                async with asyncio.timeout(max(0.0, call.principal.expires_at - now_us() / 1_000_000)):
                    async for block in _Stream(call, listener, id_).blocks(since):
                        await response.write(block)
            return response
        finally:
            call.edge.tail.unlisten(listener)


_OUTCOMES = {200: Outcome("A stream of events; `id` is a position, `reset` means: read anew", EventDocument, SSE)}
_PROBLEMS = ("too_many_streams", "invalid_header", "log_unavailable")
ROUTES = (
    Route("GET", "/v1/events", "streamEvents", "Follow everything of the tenant", "events", stream, _OUTCOMES, query=StreamQuery, problems=_PROBLEMS),
    Route(
        "GET", "/v1/migrations/{id}/events", "streamMigrationEvents", "Follow one migration", "events", stream,
        _OUTCOMES, query=OneStreamQuery, problems=_PROBLEMS,
    ),
)  # fmt: skip
