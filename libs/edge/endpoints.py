"""A row of the table becomes an aiohttp handler: authenticate, authorise, limit, read, handle, write."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import Gauge
from pydantic import BaseModel

from libs.edge.auth import Principal
from libs.edge.edge import Edge
from libs.edge.problems import HttpProblem
from libs.edge.reading import adapter_of, body_of, path_of, query_of, wishes_of
from libs.edge.routing import Answer, Call, Route, Trace

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
TRACE = web.RequestKey("trace", Trace)
ROUTE = web.RequestKey("route", Route)
IN_FLIGHT = Gauge("whimbrel_http_requests_in_flight", "Requests being answered", ["route"])
NOBODY = Principal("", "", frozenset(), (), "", 0.0, "")


def endpoint(route: Route, edge: Edge) -> Endpoint:
    """The aiohttp handler of a route."""
    adapter, in_flight = adapter_of(route.body), IN_FLIGHT.labels(route.name)

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        principal = await _allowed(route, edge, request)
        call = Call(
            edge=edge,
            request=request,
            principal=principal,
            path=path_of(request),
            query=query_of(route, request),
            wishes=wishes_of(route, request),
            body=await body_of(route, request, adapter, edge.context),
            trace=request[TRACE],
        )
        with in_flight.track_inprogress():
            answer = await route.handler(call)
        return answer if isinstance(answer, web.StreamResponse) else written(answer)

    return handle


async def _allowed(route: Route, edge: Edge, request: web.Request) -> Principal:
    if route.roles is None:
        return NOBODY
    principal = await edge.authenticator.principal(request.headers.get("Authorization"))
    if not principal.roles & route.roles:
        raise HttpProblem("forbidden", f"This needs one of the roles {', '.join(sorted(route.roles))}.")
    edge.rates.take(principal.tenant, route.name)
    if edge.stopping:
        raise HttpProblem("shutting_down", headers={"Retry-After": "1", "Connection": "close"})
    return principal


def written(answer: Answer) -> web.Response:
    """The response to an answer."""
    body = answer.body
    if isinstance(body, BaseModel):
        payload = body.model_dump_json(by_alias=True, exclude_none=True).encode()
    else:
        payload = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    response = web.Response(body=payload or None, status=answer.status, headers=answer.headers)
    if payload:
        response.headers["Content-Type"] = answer.media
    return response


def problem_response(problem: HttpProblem, trace: Trace | None) -> web.Response:
    """The response to a problem (RFC 9457)."""
    ids: tuple[Any, Any] = (trace.correlation_id, trace.traceparent[3:35]) if trace else ("", "")
    return web.Response(
        body=orjson.dumps(problem.document(*ids)),
        status=problem.status,
        headers=problem.headers,
        content_type="application/problem+json",
    )
