"""The committed contract is what the code makes, is valid, and hides nothing that the table of routes knows (U8)."""

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from libs.contracts.avro import ROOT
from libs.edge.migration_request import MIGRATION_REQUEST
from libs.edge.problem_types import PROBLEMS
from libs.edge.publish import files
from libs.edge.routing import Route
from libs.edge.table import ROUTES

DOCUMENT: dict[str, Any] = json.loads((ROOT / "schemas/openapi.json").read_bytes())


def test_the_committed_files_are_what_the_code_makes_U8() -> None:
    stale = [str(path.relative_to(ROOT)) for path, content in files().items() if not path.exists() or path.read_bytes() != content]

    assert stale == [], "run python -m libs.edge.publish"


def test_no_page_is_left_of_a_problem_type_that_is_gone_U8() -> None:
    assert {path.stem for path in (ROOT / "docs/problems").glob("*.md")} == set(PROBLEMS)


def test_the_document_is_valid_openapi_3_1() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_is_documented_with_its_statuses_and_roles(route: Route) -> None:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]

    assert {int(status) for status in operation["responses"]} >= {*route.outcomes, *(PROBLEMS[code].status for code in route.problem_codes)}
    assert operation.get("x-roles") == (sorted(route.roles) if route.roles is not None else None)
    assert operation.get("x-as-of", False) == route.as_of


def test_operation_ids_and_paths_are_unique() -> None:
    assert len({route.name for route in ROUTES}) == len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_only_health_and_contract_are_open_to_everybody_SEC1() -> None:
    assert {route.tag for route in ROUTES if route.roles is None} == {"health", "contract"}


def test_the_json_schema_accepts_and_refuses_as_the_model_does_O1() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((ROOT / "schemas/migration-request.schema.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = {"appName": "a", "provider": "postgres", "source": {}, "target": {}, "environment": "dev"}
    bad: list[dict[str, Any]] = [
        {**good, "appName": ""},
        {**good, "provider": "No"},
        {**good, "extra": 1},
        {**good, "steps": ["dance"]},
        {**good, "onFailure": "panic"},
        {**good, "labels": {"a": 1}},
        {name: value for name, value in good.items() if name != "source"},
    ]

    assert validator.is_valid(good)
    assert [validator.is_valid(body) for body in bad] == [False] * len(bad)
    MIGRATION_REQUEST.validate_json(json.dumps(good))
