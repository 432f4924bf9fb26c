"""`POST /v1/migrations:bulk`: one migration request a line, one answer a line, in constant memory.

Lines are taken in chunks of so many lines or bytes; a chunk is answered once Kafka has confirmed every command in it, while the
next one is read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import orjson
from aiohttp import StreamReader, web
from pydantic import Field

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.topics import commands_of
from libs.edge.decisions import Document
from libs.edge.identity import aggregate_id_of, command_id_of
from libs.edge.migration_request import BULK_LINE, BulkLine
from libs.edge.problems import HttpProblem, ProblemDetails
from libs.edge.reading import MAX_BODY_BYTES, parsed, require_media
from libs.edge.routing import NDJSON, REQUESTERS, Call, Outcome, Route, Trace
from libs.edge.sending import TOO_LARGE
from libs.runtime.clock import now_us
from libs.runtime.codec import Record

CHUNK_LINES, CHUNK_BYTES = 500, 2 << 20
"""Whichever of the two is reached first ends a chunk, so that the longest lines take no more memory than many short ones."""
_IN_FLIGHT = 4


class BulkAnswer(Document):
    """What became of one line."""

    line: int = Field(description="Number of the line, from 1")
    status: int = Field(description="Status that the line would have had alone: 202 when its command is on the log")
    migration_id: str | None = Field(default=None, description="Id of the migration")
    problem: ProblemDetails | None = Field(default=None, description="Why the line was not taken")


class _Taken(NamedTuple):
    """One line as far as it got: an answer, and a record when there is one to send."""

    answer: dict[str, Any]
    record: Record | None


async def lines_of(content: StreamReader) -> AsyncIterator[tuple[int, bytes | None]]:
    """Numbered lines of a body; None in place of one that is larger than 1 MiB. Empty lines count but are not given out."""
    number, rest, too_long = 0, b"", False
    async for data in content.iter_any():
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            number += 1
            if too_long or len(line) > MAX_BODY_BYTES:
                yield number, None
            elif line.strip():
                yield number, line
            too_long = False
        if len(rest) > MAX_BODY_BYTES:
            too_long, rest = True, b""
    if too_long or rest.strip():
        yield number + 1, None if too_long else rest


class _Chunk:
    """Lines that are sent and answered together."""

    def __init__(self) -> None:
        self.lines: list[_Taken] = []
        self._bytes = 0

    def add(self, one: _Taken, size: int) -> None:
        """Put one more in; `size` in bytes."""
        self.lines.append(one)
        self._bytes += size

    @property
    def full(self) -> bool:
        """Whether it is to be sent."""
        return len(self.lines) >= CHUNK_LINES or self._bytes >= CHUNK_BYTES


class _Bulk:
    """One bulk request under way."""

    def __init__(self, call: Call) -> None:
        self._call, edge = call, call.edge
        self._topic = commands_of(edge.settings.prefix, "migration")
        self._context = edge.context
        self._traceparent = call.trace.traceparent.encode()

    def take(self, number: int, line: bytes | None) -> _Taken:
        """Check one line and make its command."""
        try:
            if line is None:
                raise HttpProblem("body_too_large", "The line is larger than 1 MiB.")
            body: BulkLine = parsed(BULK_LINE, line, self._context)
        except HttpProblem as problem:
            return _Taken(self._problem(number, problem), None)
        tenant = self._call.principal.tenant
        key = body.idempotency_key or body.migration_id or ""
        id_ = body.migration_id or aggregate_id_of(tenant, key)
        envelope = CommandEnvelope(
            command_id=command_id_of(tenant, key),
            tenant=tenant,
            aggregate=id_,
            environment=self._context["environment"],
            actor=self._call.principal.subject,
            correlation_id=self._call.trace.correlation_id,
            occurred_at=now_us(),
        )
        record = self._call.edge.codec.command(self._topic, envelope, body.command(), self._traceparent)
        return _Taken({"line": number, "status": 202, "migrationId": id_}, record)

    def _problem(self, number: int, problem: HttpProblem) -> dict[str, Any]:
        trace: Trace = self._call.trace
        return {"line": number, "status": problem.status, "problem": problem.document(trace.correlation_id, trace.traceparent[3:35])}

    async def confirmed(self, taken: list[_Taken]) -> bytes:
        """Send a chunk and give its answers once Kafka has confirmed it."""
        outcomes = iter(await self._call.edge.sender.send([(self._topic, one.record) for one in taken if one.record]))
        answers = [self._after(one.answer, next(outcomes)) if one.record else one.answer for one in taken]
        return b"".join(orjson.dumps(answer) + b"\n" for answer in answers)

    def _after(self, answer: dict[str, Any], outcome: str) -> dict[str, Any]:
        if not outcome:
            return answer
        problem = HttpProblem("body_too_large" if outcome == TOO_LARGE else "log_unavailable")
        return self._problem(answer["line"], problem)


async def bulk(call: Call) -> web.StreamResponse:
    """Take every line; answers come in the order of the lines. Read them while sending, as curl does."""
    require_media(ROUTES[0], call.request)
    call.edge.require_started()
    call.edge.lag.check()
    work = _Bulk(call)
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(call.request)
    flying: list[asyncio.Task[bytes]] = []
    chunk = _Chunk()
    try:
        async for number, line in lines_of(call.request.content):
            chunk.add(work.take(number, line), len(line or b""))
            if chunk.full:
                flying.append(asyncio.create_task(work.confirmed(chunk.lines)))
                chunk = _Chunk()
                await asyncio.sleep(0)  # others' requests are served between chunks
                if len(flying) >= _IN_FLIGHT:
                    await response.write(await flying.pop(0))
        flying.append(asyncio.create_task(work.confirmed(chunk.lines)))
        for task in flying:
            await response.write(await task)
    finally:
        for task in flying:
            task.cancel()
    await response.write_eof()
    return response


ROUTES = (
    Route(
        "POST", "/v1/migrations:bulk", "requestMigrations", "Ask for many migrations, one a line", "migrations", bulk,
        {200: Outcome("One answer a line, in order", BulkAnswer, NDJSON)}, REQUESTERS, media=NDJSON,
        line=BulkLine, problems=("log_unavailable", "validator_behind"),
    ),
)  # fmt: skip
