"""Order is kept by waves: who names dependencies and no wave is refused at every door, and told what to do (O1)."""

import json

from confluent_kafka import Producer

from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import migration

ORPHAN = migration(migrationId="m-2", dependsOn=["m-1"])


def test_by_http_and_in_bulk_the_field_and_the_fix_are_named_O1(world: World) -> None:
    api = world.api("orphans")
    alone = api.post("/v1/migrations", ORPHAN)
    line = json.loads(api.post("/v1/migrations:bulk", json.dumps(ORPHAN).encode() + b"\n", Content_Type="application/x-ndjson").body)

    for status, errors in ((alone.status, alone.json["errors"]), (line["status"], line["problem"]["errors"])):
        assert (status, [(error["pointer"], error["code"]) for error in errors]) == (422, [("/dependsOn", "depends_on_without_wave")])
        assert "name in wave the one that it moves with" in errors[0]["detail"]
    assert api.decided("/v1/migrations", ORPHAN | {"wave": "w1"}).status == 201


def test_on_the_intake_topic_it_is_a_dead_letter_O1(world: World) -> None:
    producer = Producer({"bootstrap.servers": world.stack.kafka})
    producer.produce(f"{world.prefix}.intake", json.dumps(ORPHAN).encode(), headers={"tenant": "orphans-intake"})
    assert producer.flush(20) == 0

    api = world.api("orphans-intake")
    wait_until(lambda: api.get("/v1/dead-letters").json["items"], "it is a dead letter")
    assert "/dependsOn: needs a wave" in api.get("/v1/dead-letters").json["items"][0]["detail"]
