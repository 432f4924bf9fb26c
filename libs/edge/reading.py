"""A raw request becomes the parts that a handler is given, or a problem that names everything wrong with it."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pydantic_core
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from libs.edge.identity import IDEMPOTENCY_KEY
from libs.edge.problems import HttpProblem, Wrong, pointer, wrong_values
from libs.edge.routing import Route, Wishes
from libs.edge.values import ID_PATTERN, PATH_PATTERNS

MAX_BODY_BYTES = 1 << 20
MAX_WAIT_S = 30.0
_INT64 = range(-(1 << 63), 1 << 63)
_LONG_NUMBER = re.compile(rb"\d{19}")
_ID = re.compile(ID_PATTERN)
_PATHS = {name: re.compile(pattern) for name, pattern in PATH_PATTERNS.items()}
_ETAG = re.compile(r'"?(\d{1,15})"?')
_WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,6})\"?\s*", re.IGNORECASE)


def path_of(request: web.Request) -> dict[str, str]:
    """Path parameters. Raises HttpProblem 404: what cannot be an id names nothing."""
    for name, value in request.match_info.items():
        if not _PATHS.get(name, _ID).match(value):
            raise HttpProblem("not_found")
    return dict(request.match_info)


def query_of(route: Route, request: web.Request) -> Any:
    """Query parameters as the route's model; each may be given once, lists more often. Raises HttpProblem 422."""
    if route.query is None:
        return None
    given: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        given[name] = values if len(values) > 1 or name in route.lists else values[0]
    try:
        return route.query.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise HttpProblem("invalid_request", errors=wrong_values(found, "/query")) from error


async def body_of(route: Route, request: web.Request, adapter: TypeAdapter[Any] | None, context: dict[str, Any]) -> Any:
    """JSON body as the route's model. Raises HttpProblem 400, 413, 415 or 422."""
    if adapter is None:
        return None
    require_media(route, request)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise HttpProblem("body_too_large")
    return parsed(adapter, await request.read(), context)


def require_media(route: Route, request: web.Request) -> None:
    """Raise HttpProblem 415 unless the body is of the route's media type, uncompressed and in UTF-8."""
    kind = request.content_type if "Content-Type" in request.headers else ""
    charset = (request.charset or "utf-8").lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if kind != route.media or charset not in ("utf-8", "utf8") or encoding != "identity":
        raise HttpProblem("unsupported_media_type", f"Send the body as {route.media}, in UTF-8 and uncompressed.")


def parsed(adapter: TypeAdapter[Any], text: bytes, context: dict[str, Any]) -> Any:
    """One JSON document as a model. Raises HttpProblem 400 or 422, naming every wrong value."""
    try:
        orjson.loads(text)  # stricter than the validator's own parser: no NaN, no lone surrogates
    except orjson.JSONDecodeError as error:
        raise HttpProblem("malformed_json", f"The body is not JSON: {error}.") from error
    if large := _large_numbers(text):
        raise HttpProblem("invalid_request", errors=large)
    try:
        return adapter.validate_json(text, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise HttpProblem("invalid_request", errors=wrong_values(found)) from error


def _large_numbers(text: bytes) -> list[Wrong]:
    """Integers beyond 64 bits with sign: neither the log nor most of its readers can hold them."""
    if not _LONG_NUMBER.search(text):
        return []
    try:
        return list(_large(pydantic_core.from_json(text), ()))
    except ValueError:  # nested too deep, which the validator says in its own words
        return []


def _large(value: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _large(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _large(item, (*path, index))
    elif isinstance(value, int) and value not in _INT64:
        detail = "is an integer beyond 64 bits with sign; send it as a text"
        yield {"pointer": pointer(path), "code": "number_too_large", "detail": detail}


def wishes_of(route: Route, request: web.Request) -> Wishes:
    """What Idempotency-Key, If-Match and Prefer say. Raises HttpProblem 400."""
    if not route.command:
        return Wishes()
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key and route.key_required:
        raise HttpProblem("idempotency_key_missing")
    if "Idempotency-Key" in request.headers and not IDEMPOTENCY_KEY.match(key):
        raise _header("Idempotency-Key", "1 to 255 visible ASCII characters")
    return Wishes(key, _expected_version(request), _wait(request)) if route.decided else Wishes(key)


def _expected_version(request: web.Request) -> int:
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return -1
    match = _ETAG.fullmatch(given)
    if match is None:
        raise _header("If-Match", 'one strong entity tag as an answer gave it, e.g. "7"')
    return int(match[1])


def _wait(request: web.Request) -> float:
    """Seconds that the caller would wait (RFC 7240): what cannot be understood is ignored, as that specification has it."""
    for value in request.headers.getall("Prefer", []):
        for preference in value.split(","):
            match = _WAIT.fullmatch(preference.partition(";")[0])
            if match:
                return min(float(match[1]), MAX_WAIT_S)
    return 0.0


def _header(name: str, form: str) -> HttpProblem:
    detail = f"{name} must be {form}."
    return HttpProblem("invalid_header", detail, errors=[{"pointer": f"/header/{name}", "code": "invalid_header", "detail": detail}])


def adapter_of(model: type[BaseModel] | None) -> TypeAdapter[Any] | None:
    """Compiled validator of a body."""
    return TypeAdapter(model) if model is not None else None
