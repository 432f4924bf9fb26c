"""Around every request: trace and correlation ids, problem details for whatever goes wrong, one log line, metrics."""

import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram

from libs.edge.endpoints import ROUTE, TRACE, problem_response
from libs.edge.identity import correlation_of, trace_id_of, traceparent_of
from libs.edge.problem_types import PROBLEMS
from libs.edge.problems import HttpProblem
from libs.edge.routing import Trace

_log = structlog.get_logger()
REQUESTS = Counter("whimbrel_http_requests_total", "Requests answered", ["route", "status"])
SECONDS = Histogram("whimbrel_http_request_seconds", "Time to answer", ["route"])
_BY_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_BY_STATUS |= {415: "unsupported_media_type", 417: "expectation_failed"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one middleware."""
    began = time.perf_counter()
    trace = begin(request)
    try:
        response = await handler(request)
    except HttpProblem as problem:
        response = _refused(request, problem, trace)
    except web.HTTPException as error:
        response = _refused(request, _translated(error), trace)
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception:
        _log.exception("request failed", path=_name(request), correlation_id=trace.correlation_id, trace_id=trace_id_of(trace.traceparent))
        response = problem_response(HttpProblem("internal_error"), trace)
    REQUESTS.labels(_name(request), str(response.status)).inc()
    SECONDS.labels(_name(request)).observe(time.perf_counter() - began)
    return response


def begin(request: web.Request) -> Trace:
    """Ids of this request, taken over from the caller or new."""
    trace = Trace(correlation_of(request.headers.get("X-Correlation-Id")), traceparent_of(request.headers.get("traceparent")))
    request[TRACE] = trace
    return trace


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Put the ids and the headers that protect browsers on every answer, streams included."""
    trace = request.get(TRACE) or begin(request)
    response.headers["X-Correlation-Id"] = trace.correlation_id
    response.headers["traceparent"] = trace.traceparent
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer Expect: 100-continue; refuse any other expectation."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None
    return problem_response(HttpProblem("expectation_failed"), begin(request))


def _refused(request: web.Request, problem: HttpProblem, trace: Trace) -> web.Response:
    if problem.status in (401, 403):
        _log.info("not allowed", route=_name(request), code=problem.code, correlation_id=trace.correlation_id)
    return problem_response(problem, trace)


def _translated(error: web.HTTPException) -> HttpProblem:
    code = _BY_STATUS.get(error.status, "malformed_request" if error.status < 500 else "internal_error")
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return HttpProblem(PROBLEMS[code].code, headers=headers)


def _name(request: web.Request) -> str:
    route = request.get(ROUTE)
    return route.name if route else "unknown"
