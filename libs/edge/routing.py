"""The shape of a route, of what its handler is given, and of what it answers. The table itself is `libs.edge.table`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin

from aiohttp import web
from pydantic import BaseModel

from libs.edge.auth import ADMIN, APPROVER, OPERATOR, OWNER, PRODUCER, VIEWER, Principal

if TYPE_CHECKING:
    from libs.edge.edge import Edge

JSON, NDJSON, SSE, MARKDOWN, TEXT = "application/json", "application/x-ndjson", "text/event-stream", "text/markdown", "text/plain"
CALENDAR = "text/calendar"
READERS = frozenset({ADMIN, OPERATOR, OWNER, APPROVER, VIEWER})
STATUS_READERS = READERS | {PRODUCER}
OPERATORS = frozenset({ADMIN, OPERATOR})
ACTORS = frozenset({ADMIN, OPERATOR, OWNER})
ADMINS = frozenset({ADMIN})
APPROVERS = ACTORS | {APPROVER}
REQUESTERS = frozenset({ADMIN, OPERATOR, OWNER, PRODUCER})


class Trace(NamedTuple):
    """What ties everything a request leads to together."""

    correlation_id: str
    traceparent: str


class Wishes(NamedTuple):
    """What the headers of a command say."""

    idempotency_key: str = ""
    expected_version: int = -1
    wait_s: float = 0.0


class Call(NamedTuple):
    """One request, read and checked: what a handler is given."""

    edge: "Edge"
    request: web.Request
    principal: Principal
    path: Mapping[str, str]
    query: Any
    body: Any
    wishes: Wishes
    trace: Trace


class Answer(NamedTuple):
    """What a handler answers; `body` is JSON unless it is bytes, None for an empty answer."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}
    media: str = JSON


Handler = Callable[[Call], Awaitable[Answer | web.StreamResponse]]


class Outcome(NamedTuple):
    """One status that a route answers with when all is well. `model` is None for an empty or non-JSON answer."""

    description: str
    model: type[BaseModel] | None = None
    media: str = JSON
    headers: tuple[str, ...] = ()


class Route(NamedTuple):
    """One operation of the API. Routing, parsing, authorisation and the OpenAPI document are made from it."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    outcomes: Mapping[int, Outcome]
    roles: frozenset[str] | None = READERS
    """Roles of which the caller needs one; None when anybody may call it without a token."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    media: str = JSON
    """Media type of the request's body, where it has one."""
    line: type[BaseModel] | None = None
    """Model of each line of the body, where it is NDJSON and the handler reads it itself."""
    command: bool = False
    """Whether it takes an Idempotency-Key."""
    decided: bool = True
    """For a command: whether the validator decides it, so that If-Match and Prefer mean something."""
    key_required: bool = True
    as_of: bool = False
    problems: tuple[str, ...] = ()
    """Problem types of its own, beside those that follow from the rest of the row."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def lists(self) -> frozenset[str]:
        """Names of query parameters that may be given more than once."""
        fields = self.query.model_fields if self.query is not None else {}
        return frozenset(field.alias or name for name, field in fields.items() if get_origin(field.annotation) is list)

    @property
    def problem_codes(self) -> tuple[str, ...]:
        """Every problem type that this route may answer with."""
        codes: list[str] = ["malformed_request", "expectation_failed", "internal_error", *self.problems]
        if self.roles is not None:
            codes += ["unauthenticated", "invalid_token", "forbidden", "rate_limited", "shutting_down"]
        if self.parameters:
            codes.append("not_found")
        if self.query is not None:
            codes.append("invalid_request")
        if self.as_of:
            codes += ["not_known_yet", "read_model_unavailable", "read_model_behind"]
        if self.body is not None or self.line is not None:
            codes += ["malformed_json", "body_too_large", "unsupported_media_type", "invalid_request"]
        if self.command:
            codes += ["idempotency_key_missing", "invalid_header", "log_unavailable", "command_refused"]
        if self.command and self.decided:
            codes += ["validator_behind", "key_reused", "version_conflict", "not_found"]
        return tuple(dict.fromkeys(codes))
