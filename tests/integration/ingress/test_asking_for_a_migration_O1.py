"""`POST /v1/migrations`: what is valid goes on the log once, what is not is answered with everything that is wrong (O1, O2)."""

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import migration


def test_a_request_is_accepted_and_says_where_it_can_be_read_O1(world: World) -> None:
    answer = world.api("ask").post("/v1/migrations", migration(migrationId="mig-1"))

    assert answer.status == 202
    assert answer.headers["location"] == "/v1/migrations/mig-1"
    assert answer.json["id"] == "mig-1"


def test_the_caller_may_wait_for_the_decision_O1(world: World) -> None:
    answer = world.api("ask").decided("/v1/migrations", migration(migrationId="mig-2"))

    assert (answer.status, answer.json["events"], answer.json["version"]) == (201, ["MigrationRequested", "WorkDispatched"], 2)
    assert answer.headers["etag"] == '"2"'
    assert answer.headers["event-position"] == answer.json["position"]
    assert answer.headers["preference-applied"] == "wait=20"


def test_without_an_id_the_key_gives_one_and_a_retry_finds_it_again_D2(world: World) -> None:
    api = world.api("ask")

    first = api.decided("/v1/migrations", migration(), Idempotency_Key="once")
    second = api.decided("/v1/migrations", migration(), Idempotency_Key="once")

    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json


def test_the_same_key_with_another_payload_is_refused_D2(world: World) -> None:
    api = world.api("ask")
    api.decided("/v1/migrations", migration(), Idempotency_Key="reused")

    answer = api.decided("/v1/migrations", migration(appName="another"), Idempotency_Key="reused")

    assert (answer.status, answer.json["type"]) == (422, "/problems/key_reused")


def test_tenants_do_not_share_keys_or_ids_SEC1(world: World) -> None:
    mine = world.api("ask-a").decided("/v1/migrations", migration(), Idempotency_Key="same")
    theirs = world.api("ask-b").decided("/v1/migrations", migration(), Idempotency_Key="same")

    assert (mine.status, theirs.status) == (201, 201)
    assert mine.json["id"] != theirs.json["id"]


def test_every_bad_field_is_named_at_once_O1(world: World) -> None:
    body = migration(appName=7, environment="prod", provider="No Such", callbackUrl="ftp://x", dueAt="soon", steps=["dance"], surprise=1)
    del body["target"]

    answer = world.api("ask").post("/v1/migrations", body)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    found = {error["pointer"] for error in answer.json["errors"]}
    assert found == {"/appName", "/environment", "/provider", "/callbackUrl", "/dueAt", "/steps/0", "/target", "/surprise"}


def test_a_secret_in_clear_is_refused_and_not_repeated_SEC9(world: World) -> None:
    answer = world.api("ask").post("/v1/migrations", migration(source={"dsn": "postgresql://shop:canary-4711@db/shop"}))

    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "plaintext_secret")
    assert b"canary-4711" not in answer.body
    assert "canary-4711" not in world.ingress.log.read_text()


def test_the_key_is_required_O1(world: World) -> None:
    answer = world.api("ask").post("/v1/migrations", migration(), Idempotency_Key="")

    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_missing")


def test_correlation_and_trace_are_taken_over_and_carried_on_O2(world: World) -> None:
    api = world.api("ask")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    with api.stream("/v1/migrations/mig-o2/events") as blocks:
        next(blocks)
        answer = api.post("/v1/migrations", migration(migrationId="mig-o2"), X_Correlation_Id="corr-7", traceparent=trace)
        event = next(block for block in blocks if "data" in block)

    assert answer.headers["x-correlation-id"] == answer.json["correlationId"] == "corr-7"
    assert answer.headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert '"correlationId":"corr-7"' in event["data"]


def test_malformed_ids_are_replaced_rather_than_passed_on_O2(world: World) -> None:
    answer = world.api("ask").get("/livez", X_Correlation_Id="a b\tc", traceparent="00-zz")

    assert " " not in answer.headers["x-correlation-id"]
    assert len(answer.headers["traceparent"]) == 55
