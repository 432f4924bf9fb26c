"""A request names the capacities that it needs a slot of, through whichever door it comes; what is wrong names field and fix (O22)."""

import json
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.examples import REQUEST
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Api, migration

LIMITS = ["rate/starts", "calendar/prod", "rate/starts"]
ONCE = ["rate/starts", "calendar/prod"]


def limits_of(api: Api, id_: str) -> Any:
    """What is shown of a migration once it is there."""
    wait_until(lambda: api.get(f"/v1/migrations/{id_}").status == 200, f"{id_} is there")
    return api.get(f"/v1/migrations/{id_}").json["limits"]


def intake(world: World, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": world.stack.kafka})
    producer.produce(f"{world.prefix}.intake", value, headers={"tenant": "limits"})
    assert producer.flush(20) == 0


def test_by_http_O22(world: World) -> None:
    api = world.api("limits")
    assert api.decided("/v1/migrations", migration(migrationId="by-http", limits=LIMITS)).status == 201

    assert limits_of(api, "by-http") == ONCE
    assert api.get("/v1/migrations/by-http/timeline").json["items"][0]["data"]["request"]["limits"] == ONCE


def test_in_bulk_O22(world: World) -> None:
    api = world.api("limits")
    bodies = (migration(migrationId="in-bulk", limits=LIMITS), migration(migrationId="wrong", limits=["Rate/Starts"]))
    lines = b"".join(json.dumps(body).encode() + b"\n" for body in bodies)
    good, wrong = map(json.loads, api.post("/v1/migrations:bulk", lines, Content_Type="application/x-ndjson").body.splitlines())

    assert (good["status"], wrong["status"]) == (202, 422)
    assert limits_of(api, "in-bulk") == ONCE
    assert wrong["problem"]["errors"][0]["pointer"] == "/limits/0"


def test_on_the_intake_topic_as_json_O22(world: World) -> None:
    intake(world, json.dumps(migration(migrationId="as-json", limits=LIMITS)).encode())

    assert limits_of(world.api("limits"), "as-json") == ONCE


def test_on_the_intake_topic_as_avro_O22(world: World) -> None:
    codec = Codec(Registry(world.stack.registry), world.prefix, "test")
    envelope = CommandEnvelope(
        command_id="as-avro",
        tenant="limits",
        aggregate="as-avro",
        environment="dev",
        actor="anyone",
        correlation_id="c-1",
        occurred_at=now_us(),
    )
    command = RequestMigration(request=replace(REQUEST, wave="", depends_on=(), limits=tuple(LIMITS)))
    intake(world, codec.command(f"{world.prefix}.intake", envelope, command, b"").value)

    assert limits_of(world.api("limits"), "as-avro") == ONCE


@pytest.mark.parametrize(
    ("limits", "pointer", "said"),
    [
        (["prod"], "/limits/0", "e.g. limit/host=esx-1"),
        (["rate/starts", "Calendar/Prod"], "/limits/1", "in lower case"),
        ([""], "/limits/0", "a kind, a slash and a name"),
        ([f"rate/{number}" for number in range(33)], "/limits", "at most 32"),
        ("rate/starts", "/limits", "array"),
    ],
)
def test_what_is_wrong_names_field_and_fix_O22(world: World, limits: object, pointer: str, said: str) -> None:
    answer = world.api("limits").post("/v1/migrations", migration(migrationId="wrong", limits=limits))

    assert answer.status == 422
    assert [(error["pointer"], said in error["detail"]) for error in answer.json["errors"]] == [(pointer, True)]
