"""What has ended leaves live state after its retention, also across restarts; it is found, read and refused afterwards (O12, D2, D8)."""

from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from libs.contracts.topics import state_of
from libs.runtime import kafka
from libs.testing.services import Services, environment_of
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api, migration


def cancelled(api: Api, id_: str, retention_s: int) -> tuple[Answer, dict[str, Any], str]:
    """A migration that has ended; how it was asked for, the body of that, and the position of its end."""
    body = migration(migrationId=id_, retentionSeconds=retention_s)
    first = api.decided("/v1/migrations", body, Idempotency_Key=f"key-{id_}")
    assert first.status == 201
    ended = api.decided(f"/v1/migrations/{id_}/cancel", {"reason": "not wanted"})
    assert ended.status == 200
    return first, body, ended.json["position"]


def is_archived(api: Api, id_: str) -> None:
    wait_until(lambda: api.get(f"/v1/migrations/{id_}").json.get("status") == "archived", f"{id_} is archived", 60)


def state_value(world: World, key: bytes) -> bytes:
    """The latest state record of a key."""
    topic, found = state_of(world.prefix, "migration"), b""
    reader = kafka.reader(world.stack.kafka, **{"enable.partition.eof": True})
    partitions = reader.list_topics(topic).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, 0) for number in partitions])
    ends = 0
    while ends < len(partitions):
        for message in reader.consume(1_000, 0.1):
            if message.error() is not None:
                ends += 1
            elif message.key() == key:
                found = message.value() or b""
    reader.close()
    return found


def test_the_archive_comes_by_itself_also_after_a_restart_and_everything_knows_the_headstone_O12(world: World, tmp_path: Path) -> None:
    api = world.api("archive")
    first, body, end = cancelled(api, "old", 5)
    cancelled(api, "young", 3_600)
    until = api.read(f"/v1/migrations/old?min_position={end}").json["wakeAt"]
    validator = next(service for service in world.services.running if service.module == "services.validator")
    validator.kill()
    validator.start()
    validator.wait_ready()
    with Services(environment_of(world.stack, world.prefix), tmp_path) as more:
        for _ in range(2):  # the wake is in the state: whichever verifier is there when its time comes sends it
            verifier = more.start("services.verifier")
            verifier.wait_ready()
            verifier.kill()
        more.start("services.verifier").wait_ready()
        is_archived(api, "old")

    found = api.get("/v1/migrations/old").json
    assert (found["status"], found["endedAs"], found["ended"], found["wakeAt"]) == ("archived", "cancelled", True, None)
    assert found["archivedAt"] >= until
    assert [one["id"] for one in api.get("/v1/migrations").json["items"]] == ["young"]
    assert {one["id"] for one in api.get("/v1/migrations?archived=true").json["items"]} == {"old", "young"}
    assert [one["id"] for one in api.get("/v1/migrations?status=archived").json["items"]] == ["old"]
    history = [event["type"] for event in api.get("/v1/migrations/old/timeline").json["items"]]
    assert (history[0], history[-1]) == ("MigrationRequested", "MigrationArchived")
    assert api.get(f"/v1/migrations/old?at={first.json['position']}").json["status"] == "checking"
    assert api.get("/v1/migrations/old/holdup").json["causes"][0]["code"] == "ended"
    assert 5 < len(state_value(world, b"archive/old")) <= 128

    again = api.decided("/v1/migrations", body, Idempotency_Key="key-old")
    other = api.decided("/v1/migrations", body | {"appName": "another"}, Idempotency_Key="key-old")
    refused = api.decided("/v1/migrations/old/pause", {"reason": "x"})
    assert (again.status, again.json) == (201, first.json)
    assert (other.status, other.json["code"]) == (422, "key_reused")
    assert (refused.status, refused.json["code"], refused.json["version"]) == (409, "archived", found["version"] + 2)
