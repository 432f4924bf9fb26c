"""Dead letters: browse, inspect, correct, replay, discard (O13). What is made of one is recorded beside it on the log."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from libs.contracts.operations import DeadLetterResolved
from libs.contracts.topics import AGGREGATES, commands_of
from libs.edge.asking import asked, missing, paged
from libs.edge.intake import INTAKE_REQUEST
from libs.edge.letter_documents import Discard, Letter, LetterQuery, Letters, LettersQuery, Replay, Resolved, summary, whole
from libs.edge.migration_queries import PAGE_HEADERS
from libs.edge.problems import HttpProblem, unavailable
from libs.edge.reading import parsed
from libs.edge.routing import OPERATORS, Answer, Call, Outcome, Route
from libs.edge.sending import TOO_LARGE
from libs.readmodel.queries import operations
from libs.runtime.clock import now_us
from libs.runtime.codec import Headers, Record
from libs.runtime.dead_letters import KEY_KEPT, VALUE_KEPT

REPLAYED, DISCARDED = "replayed", "discarded"


def _tenant(call: Call) -> str:
    """Whose letters are meant. Those of nobody belong to whoever runs the platform."""
    if not call.query.unattributed:
        return call.principal.tenant
    if call.principal.tenant != call.edge.settings.default_tenant:
        raise HttpProblem("forbidden", "Only the platform's own tenant sees what names no tenant.")
    return ""


async def listed(call: Call) -> Answer:
    """A page of dead letters."""
    query: LettersQuery = call.query
    async with asked(call) as snapshot:
        page = await operations.dead_letters(
            snapshot, _tenant(call), status=query.status, reason=query.reason, limit=query.limit, cursor=query.cursor
        )
        return paged(call, snapshot, page, summary)


async def _found(call: Call) -> dict[str, Any]:
    reader, topic, partition, offset = call.path["letter"].split("_")
    async with asked(call) as snapshot:
        row = await operations.dead_letter(snapshot, _tenant(call), reader, topic, min(int(partition), 2**31 - 1), int(offset))
    if row is None:
        raise missing("dead letter")
    return row


async def one(call: Call) -> Answer:
    """One dead letter with its original bytes."""
    return Answer(whole(await _found(call)))


async def replay(call: Call) -> Answer:
    """Send the message to its topic again; commands deduplicate by id, so a second time changes nothing."""
    row = await _found(call)
    if why := _not_replayable(call, row):
        raise HttpProblem("not_replayable", why, kind="command_refused")
    await _send(call, row["topic"], Record(row["key"] or b"", _value(call, row), _headers(row)))
    return await _resolve(call, row, REPLAYED)


def _not_replayable(call: Call, row: Mapping[str, Any]) -> str:
    """Why sending it again is out of the question, and what to do instead; empty when it may be sent."""
    topic, prefix = row["topic"], call.edge.settings.prefix
    if topic != call.edge.topic("intake") and topic not in {commands_of(prefix, name) for name in AGGREGATES}:
        return f"{topic} is written by its one owner alone, so nothing is sent there again: mend or upgrade the reader, then discard this."
    if call.body.payload is not None:
        return ""
    if row["value"] is None:
        return "The message has no value; there is nothing to send again. Discard it."
    if len(row["value"]) >= VALUE_KEPT or len(row["key"] or b"") >= KEY_KEPT:
        return "Only the beginning of the message was kept, see `detail`. Have its sender send it again, or discard it."
    return ""


def _value(call: Call, row: Mapping[str, Any]) -> bytes:
    """The bytes to send: the original ones, or the corrected request once it is valid."""
    if call.body.payload is None:
        return bytes(row["value"])
    if row["topic"] != call.edge.topic("intake"):
        wrong = {"pointer": "/payload", "code": "not_correctable", "detail": "only messages of the intake topic can be corrected"}
        raise HttpProblem("invalid_request", errors=[{"pointer": wrong["pointer"], "code": wrong["code"], "detail": wrong["detail"]}])
    value = orjson.dumps(call.body.payload)
    request = parsed(INTAKE_REQUEST, value, call.edge.context)
    if (request.tenant or call.principal.tenant) != call.principal.tenant:
        raise HttpProblem(
            "invalid_request", errors=[{"pointer": "/payload/tenant", "code": "other_tenant", "detail": "is not your tenant"}]
        )
    return value


def _headers(row: Mapping[str, Any]) -> Headers:
    """The original headers, and for intake the key and tenant that make a repeat find the same migration."""
    headers: Headers = [(name, base64.b64decode(value)) for name, value in orjson.loads(row["headers"]).items()]
    names = {name for name, _ in headers}
    if row["topic"].endswith(".intake"):
        if "idempotency-key" not in names:
            headers.append(("idempotency-key", f"{row['topic']}/{row['partition']}/{row['pos']}".encode()))
        if "tenant" not in names and row["tenant"]:
            headers.append(("tenant", row["tenant"].encode()))
    return headers


async def discard(call: Call) -> Answer:
    """Let it be, with the reason on record."""
    row = await _found(call)
    if row["status"] == REPLAYED:
        raise HttpProblem("already_replayed", "It was replayed; there is nothing left to discard.", kind="command_refused")
    return await _resolve(call, row, DISCARDED)


async def _resolve(call: Call, row: Mapping[str, Any], resolution: str) -> Answer:
    resolved = DeadLetterResolved(
        reader=row["reader"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["pos"],
        resolution=resolution,
        reason=call.body.reason,
        actor=call.principal.subject,
        resolved_at=now_us(),
    )
    topic = call.edge.topic("dead-letters")
    key = f"{resolved.reader}/{resolved.topic}/{resolved.partition}/{resolved.offset}".encode()
    await _send(call, topic, call.edge.codec.plain(topic, resolved, key, []))
    return Answer(Resolved(id=call.path["letter"], status=resolution), 202, {"Location": f"/v1/dead-letters/{call.path['letter']}"})


async def _send(call: Call, topic: str, record: Record) -> None:
    call.edge.require_started()
    (outcome,) = await call.edge.sender.send([(topic, record)])
    if outcome:
        raise HttpProblem("body_too_large") if outcome == TOO_LARGE else unavailable("log_unavailable")


_ONE = "/v1/dead-letters/{letter}"
_TAG = "dead letters"
_NOW = ("read_model_unavailable", "read_model_behind")
_TAKEN = {202: Outcome("On the log", Resolved, headers=("Location",))}
ROUTES = (
    Route(
        "GET", "/v1/dead-letters", "listDeadLetters", "List messages that a reader could not take", _TAG, listed,
        {200: Outcome("A page", Letters, headers=PAGE_HEADERS)}, OPERATORS, query=LettersQuery, problems=_NOW,
    ),
    Route(
        "GET", _ONE, "getDeadLetter", "Read one with its original bytes", _TAG, one,
        {200: Outcome("The dead letter", Letter)}, OPERATORS, query=LetterQuery, problems=_NOW,
    ),
    Route(
        "POST", f"{_ONE}/replay", "replayDeadLetter", "Send it to its topic again, perhaps corrected", _TAG, replay,
        _TAKEN, OPERATORS, query=LetterQuery, body=Replay, command=True, decided=False, problems=_NOW,
    ),
    Route(
        "POST", f"{_ONE}/discard", "discardDeadLetter", "Let it be, with a reason", _TAG, discard,
        _TAKEN, OPERATORS, query=LetterQuery, body=Discard, command=True, decided=False, problems=_NOW,
    ),
)  # fmt: skip
