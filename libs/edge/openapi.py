"""The OpenAPI 3.1 document, made from the table of routes and the models it names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from libs.edge.migration_request import MIGRATION_REQUEST
from libs.edge.problem_types import PROBLEMS
from libs.edge.problems import ProblemDetails
from libs.edge.routing import JSON, Outcome, Route
from libs.edge.values import ID_PATTERN, PATH_PATTERNS

Schema = dict[str, Any]
_REF = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_HEADERS: dict[str, Schema] = {
    "Location": {"description": "Where to read about it", "schema": {"type": "string"}},
    "ETag": {"description": "Version of the aggregate, as a strong entity tag", "schema": {"type": "string"}},
    "Event-Position": {"description": "Position in the log that the answer reflects", "schema": {"type": "string"}},
    "Preference-Applied": {"description": "The preference that was applied (RFC 7240)", "schema": {"type": "string"}},
    "Link": {"description": "The next page (RFC 8288)", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "string"}},
    "Allow": {"description": "Methods that the path has", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}},
    "X-Correlation-Id": {"description": "Correlation id of everything that the request leads to", "schema": {"type": "string"}},
    "traceparent": {"description": "W3C trace context", "schema": {"type": "string"}},
}
_ALWAYS = ("X-Correlation-Id", "traceparent")
_WITH_STATUS = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}


def rendered(document: Any) -> bytes:
    """A document as it is served and committed."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def migration_request_schema() -> Schema:
    """The JSON Schema of a migration request, for HTTP and for the intake topic alike."""
    schema = MIGRATION_REQUEST.json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "/schemas/migration-request.json"}
    return head | schema


def document(routes: Sequence[Route]) -> Schema:
    """The document of these routes."""
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Whimbrel",
            "version": "1.0.0",
            "description": "Ask for migrations, operate them, follow them. Every command is answered by events on one log.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "headers": _HEADERS,
            "responses": {str(status): _problem(status, codes) for status, codes in sorted(_by_status(PROBLEMS).items())},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas(routes: Sequence[Route]) -> Schema:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ProblemDetails, "serialization"): None}
    for route in routes:
        for model in filter(None, (route.body, route.line)):
            wanted[model, "validation"] = None
        for outcome in route.outcomes.values():
            if outcome.model is not None:
                wanted[outcome.model, "serialization"] = None
    _, definitions = models_json_schema(list(wanted), by_alias=True, ref_template=_REF)
    found: Schema = definitions["$defs"]
    return found


def _operation(route: Route) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route),
        "security": [{"bearer": []}] if route.roles is not None else [],
        "x-problems": sorted(route.problem_codes),
    }
    if route.roles is not None:
        operation["x-roles"] = sorted(route.roles)
    if route.as_of:
        operation["x-as-of"] = True
    if route.body is not None:
        schema: Schema = {"$ref": _REF.format(model=route.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {route.media: {"schema": schema}}}
    elif route.media != JSON and route.line is None:
        operation["requestBody"] = {"required": True, "content": {route.media: {"schema": {"type": "string"}}}}
    elif route.line is not None:
        described = f"One {route.line.__name__} a line (see components.schemas)"
        operation["requestBody"] = {"required": True, "content": {route.media: {"schema": {"type": "string", "description": described}}}}
    return operation


def _path_parameters(route: Route) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": PATH_PATTERNS.get(name, ID_PATTERN)}}
        for name in route.parameters
    ]


def _query_parameters(route: Route) -> list[Schema]:
    if route.query is None:
        return []
    model = route.query.model_json_schema(by_alias=True, ref_template=_REF)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in model.get("required", ()),
            "description": schema.get("description", ""),
            "schema": {key: value for key, value in schema.items() if key not in ("title", "description")},
        }
        for name, schema in model["properties"].items()
    ]


def _header_parameters(route: Route) -> list[Schema]:
    found = [
        _header("X-Correlation-Id", "Correlation id to use; made up when missing or malformed", {"type": "string"}),
        _header("traceparent", "W3C trace context to continue", {"type": "string"}),
    ]
    if route.command:
        key = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}
        found.append(_header("Idempotency-Key", "The same key takes effect once", key, required=route.key_required))
    if route.command and route.decided:
        found += [
            _header("If-Match", "Version that the aggregate must be at", {"type": "string", "pattern": '^(\\*|"?[0-9]{1,15}"?)$'}),
            _header("Prefer", "wait=N: wait up to N seconds (at most 30) for the decision", {"type": "string"}),
        ]
    return found


def _header(name: str, description: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _responses(route: Route) -> Schema:
    responses: Schema = {}
    for status, outcome in route.outcomes.items():
        content = {} if status == 304 else {outcome.media: {"schema": _schema_of(outcome)}}
        responses[str(status)] = {"description": outcome.description, "headers": _headers((*_ALWAYS, *outcome.headers)), "content": content}
    for status in _by_status(route.problem_codes):
        if status not in route.outcomes:
            responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return dict(sorted(responses.items()))


def _schema_of(outcome: Outcome) -> Schema:
    if outcome.model is None:
        return {} if outcome.media.endswith("json") else {"type": "string"}
    if outcome.media == JSON:
        return {"$ref": _REF.format(model=outcome.model.__name__)}
    return {"type": "string", "description": f"A sequence of {outcome.model.__name__} (see components.schemas)"}


def _by_status(codes: Iterable[str]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in codes:
        found.setdefault(PROBLEMS[code].status, []).append(code)
    return found


def _problem(status: int, codes: Sequence[str]) -> Schema:
    described = "; ".join(f"{code}: {PROBLEMS[code].title}" for code in codes)
    return {
        "description": described,
        "headers": _headers((*_ALWAYS, *_WITH_STATUS.get(status, ()))),
        "content": {_PROBLEM: {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}},
    }


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
