"""Whatever goes wrong is answered with problem details (RFC 9457) whose type resolves, and never with a trace of the code."""

import http.client

import pytest

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api, migration


def _assert_problem(world: World, answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["correlationId"] == answer.headers["x-correlation-id"]
    assert answer.json["traceId"] == answer.headers["traceparent"].split("-")[1]
    assert Api(world.port).get(answer.json["type"]).status == 200
    assert b"Traceback" not in answer.body


def test_an_unknown_path_is_not_found(world: World) -> None:
    _assert_problem(world, world.api("p").get("/v1/nothing"), 404, "not_found")


def test_another_method_is_named_with_those_allowed(world: World) -> None:
    answer = world.api("p").send("PATCH", "/v1/migrations")

    _assert_problem(world, answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("body", [b"{", b"", b"[1,]", b'{"a": NaN}', b'{"a": "\xff"}', b"\xff\xfe", b'{"a": "\\ud800"}'])
def test_a_body_that_is_not_json_is_malformed(world: World, body: bytes) -> None:
    answer = world.api("p").post("/v1/migrations", body, Content_Type="application/json")

    _assert_problem(world, answer, 400, "malformed_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=latin-1", ""])
def test_another_media_type_is_unsupported(world: World, kind: str) -> None:
    answer = world.api("p").post("/v1/migrations", b"{}", Content_Type=kind)

    _assert_problem(world, answer, 415, "unsupported_media_type")


def test_a_compressed_body_is_unsupported(world: World) -> None:
    answer = world.api("p").post("/v1/migrations", b"x", Content_Type="application/json", Content_Encoding="gzip")

    _assert_problem(world, answer, 415, "unsupported_media_type")


def test_a_body_of_more_than_a_mebibyte_is_too_large_SEC7(world: World) -> None:
    answer = world.api("p").post("/v1/migrations", migration(appName="x" * (1 << 20)))

    _assert_problem(world, answer, 413, "body_too_large")


def test_a_chunked_body_of_more_than_a_mebibyte_is_too_large_SEC7(world: World) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=20)
    headers = {
        "Authorization": f"Bearer {world.issuer.issue('p', 'u', ['admin'])}",
        "Idempotency-Key": "big",
        "Content-Type": "application/json",
    }
    connection.request("POST", "/v1/migrations", iter([b" " * 65_536] * 20), headers, encode_chunked=True)

    assert connection.getresponse().status == 413


@pytest.mark.parametrize(
    "body",
    [
        migration(source={"a": "x\x00y"}),
        migration(labels={"team": "x\x00y"}),
        migration(source={"a": 2**70}),
        migration(source={"a": "x" * 70_000}),
        migration(dueAt="1700000000"),
        migration(dueAt="9999-12-31T23:59:59-12:00"),
        migration(dueAt="0001-01-01T00:00:00+14:00"),
        migration(migrationId="a/b"),
        migration(migrationId="a" * 65),
        migration(migrationId="m", dependsOn=["m"]),
        migration(callbackUrl="https://user:pw@x.example/"),
        migration(steps=["preparing"]),
        migration(approval="yes"),
        [],
        "text",
        None,
    ],
)
def test_what_the_log_must_not_hold_is_refused_O1(world: World, body: object) -> None:
    answer = world.api("p").post("/v1/migrations", b"null" if body is None else body, Content_Type="application/json")

    _assert_problem(world, answer, 422, "invalid_request")
    assert answer.json["errors"]


def test_no_token_is_unauthenticated_T5(world: World) -> None:
    answer = Api(world.port).post("/v1/migrations", migration())

    _assert_problem(world, answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_id_that_cannot_be_one_names_nothing(world: World) -> None:
    _assert_problem(world, world.api("p").post("/v1/migrations/%00/pause", {"reason": "x"}), 404, "not_found")


def test_an_unmet_expectation_is_told(world: World) -> None:
    answer = world.api("p").post("/v1/migrations", migration(), Expect="payment")

    _assert_problem(world, answer, 417, "expectation_failed")


def test_the_documents_served_are_the_committed_ones(world: World) -> None:
    from libs.contracts.avro import ROOT

    assert Api(world.port).get("/openapi.json").body == (ROOT / "schemas/openapi.json").read_bytes()
    assert Api(world.port).get("/schemas/migration-request.json").body == (ROOT / "schemas/migration-request.schema.json").read_bytes()
