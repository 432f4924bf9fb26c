"""The contract as documents: OpenAPI, the JSON Schema of a request, the pages of the problem types."""

from functools import cache

from libs.edge.problem_types import PROBLEMS, page
from libs.edge.problems import HttpProblem
from libs.edge.routing import JSON, MARKDOWN, Answer, Call, Outcome, Route

_SCHEMA_JSON = "application/schema+json"


@cache
def _openapi() -> bytes:
    from libs.edge.openapi import document, rendered
    from libs.edge.table import ROUTES as ALL

    return rendered(document(ALL))


async def openapi(call: Call) -> Answer:
    """The OpenAPI document of this API."""
    return Answer(_openapi(), media=JSON)


async def request_schema(call: Call) -> Answer:
    """The JSON Schema of a migration request."""
    from libs.edge.openapi import migration_request_schema, rendered

    return Answer(rendered(migration_request_schema()), media=_SCHEMA_JSON)


async def problem_page(call: Call) -> Answer:
    """What a type of problem means and what to do about it."""
    kind = PROBLEMS.get(call.path["code"])
    if kind is None:
        raise HttpProblem("not_found")
    return Answer(page(kind).encode(), media=f"{MARKDOWN}; charset=utf-8")


ROUTES = (
    Route("GET", "/openapi.json", "openapi", "This document", "contract", openapi, {200: Outcome("OpenAPI 3.1", media=JSON)}, None),
    Route(
        "GET", "/schemas/migration-request.json", "migrationRequestSchema", "JSON Schema of a migration request", "contract",
        request_schema, {200: Outcome("JSON Schema 2020-12", media=_SCHEMA_JSON)}, None,
    ),
    Route(
        "GET", "/problems/{code}", "problemType", "What a type of problem means", "contract",
        problem_page, {200: Outcome("A page", media=MARKDOWN)}, None,
    ),
)  # fmt: skip
