"""What holds a migration up, asked over HTTP now and as of then, with events from which the answer is found again (X12, X8)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from libs.contracts.capacity import AcquireSlot, ReleaseSlot
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.topics import commands_of
from libs.domain.holdup import causes
from libs.edge.asking import micros_of
from libs.readmodel.facts import Fact, stored_fact
from libs.readmodel.reading import ReadModel
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api, migration

TENANT = "holdup"


def why(api: Api, id_: str, query: str = "") -> Any:
    answer = api.get(f"/v1/migrations/{id_}/holdup{query}")
    assert answer.status == 200, answer.body
    return answer.json


def until(api: Api, id_: str, *codes: str) -> Any:
    """The answer once it has these codes."""

    def found() -> bool:
        answer = api.get(f"/v1/migrations/{id_}/holdup")
        return answer.status == 200 and [cause["code"] for cause in answer.json["causes"]] == list(codes)

    wait_until(found, f"{id_} is held up by {codes}")
    return why(api, id_)


def request(api: Api, id_: str, **body: Any) -> Answer:
    answer = api.decided("/v1/migrations", migration(migrationId=id_, **body))
    assert answer.status == 201, answer.body
    return answer


def at(hours: float) -> str:
    return (datetime.fromtimestamp(now_us() / 1_000_000, UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def needing(world: World, id_: str, capacity: str) -> None:
    """A migration that needs a slot."""
    options = json.dumps({"steps": 2})
    asked = Request(provider="rehearsal", application="shop", source="{}", target="{}", options=options, limits=(capacity,))
    world.send("migration", TENANT, id_, RequestMigration(request=asked))


def test_a_slot_with_its_holders_and_the_place_in_the_queue_X12_X8(world: World, workers: None) -> None:
    api = world.api(TENANT)
    assert api.send("PUT", "/v1/capacities/limit/one", {"limit": 1}, Prefer="wait=20").status == 200
    world.send("capacity", TENANT, "limit/one", AcquireSlot(holder="other#1"))
    wait_until(lambda: api.get("/v1/capacities/limit/one").json.get("held") == 1, "the slot is held")
    needing(world, "slot-1", "limit/one")
    found = until(api, "slot-1", "slot_limit")
    cause = found["causes"][0]

    assert cause["reason"] == "it waits for a slot of limit/one at place 1 of its queue: all 1 slots are held, by other"
    assert cause["ask"] == [{"kind": "capacity", "id": "limit/one"}, {"kind": "migration", "id": "other"}]
    assert (cause["details"], cause["until"]) == ({"capacity": "limit/one", "place": 1}, None)
    again(world, "slot-1", found)
    world.send("capacity", TENANT, "limit/one", ReleaseSlot(holder="nobody#1"), ReleaseSlot(holder="other#1"))
    until(api, "slot-1", "ended")
    assert why(api, "slot-1", f"?at={found['position']}")["causes"] == found["causes"]


def test_a_freeze_with_its_label_until_it_ends_X12_X8(world: World, workers: None) -> None:
    api, ends = world.api(TENANT), at(2)
    freeze = {"begins": at(-1), "ends": ends, "label": "year-end close"}
    assert api.send("PUT", "/v1/capacities/calendar/x12", {"freezes": [freeze]}, Prefer="wait=20").status == 200
    needing(world, "frozen-1", "calendar/x12")
    found = until(api, "frozen-1", "slot_freeze")
    cause = found["causes"][0]

    assert cause["reason"].endswith("at place 1 of its queue: the freeze 'year-end close' is on")
    assert datetime.fromisoformat(cause["until"]) == datetime.fromisoformat(ends)
    again(world, "frozen-1", found)


def test_an_approval_now_and_as_of_then_X12_X8(world: World, workers: None) -> None:
    api = world.api(TENANT)
    request(api, "approve-1", approval=True, options={"steps": 8})
    found = until(api, "approve-1", "approval")
    again(world, "approve-1", found)
    assert api.decided("/v1/migrations/approve-1/approve", {"reason": "looked"}).status == 200
    ended = until(api, "approve-1", "ended")
    then = why(api, "approve-1", f"?at={found['position']}")

    assert ended["causes"][0]["reason"] == "it has ended: it was completed"
    assert (then["causes"], then["position"]) == (found["causes"], found["position"])


def test_what_failed_is_held_until_an_operator_comes_X12_X8(world: World, workers: None) -> None:
    api = world.api(TENANT)
    options = {"steps": 3, "fail_at": "step_2", "fail_times": 1, "fail_for_good": True}
    request(api, "failed-1", onFailure="hold", options=options)
    found = until(api, "failed-1", "failed")

    assert found["causes"][0]["ask"] == [{"kind": "role", "id": "operator"}]
    assert found["causes"][0]["details"]["step"] == "step_2"
    again(world, "failed-1", found)


def test_a_pause_names_who_and_why_and_what_is_in_flight_X12_X8(world: World, workers: None) -> None:
    api = world.api(TENANT)
    request(api, "paused-1", options={"steps": 4, "duration_ms": 1_500})
    until(api, "paused-1", "work")
    wait_until(lambda: api.get("/v1/migrations/paused-1").json.get("step", -1) >= 0, "the first step has begun")
    assert api.decided("/v1/migrations/paused-1/pause", {"reason": "lunch"}).status == 200
    found = until(api, "paused-1", "paused")

    assert found["causes"][0]["reason"] == "it was paused by u-1: lunch"
    assert found["causes"][0]["ask"] == [{"kind": "person", "id": "u-1"}]
    again(world, "paused-1", found)


def test_a_command_that_could_not_be_taken_X12(world: World, workers: None) -> None:
    api = world.api(TENANT)
    request(api, "letter-1", approval=True, options={"steps": 8})
    until(api, "letter-1", "approval")
    producer = kafka.producer(world.stack.kafka)
    producer.produce(commands_of(world.prefix, "migration"), b"no command", f"{TENANT}/letter-1".encode())
    assert producer.flush(30) == 0
    found = until(api, "letter-1", "dead_letter", "approval")
    letter = found["causes"][0]["ask"][0]
    assert api.post(f"/v1/dead-letters/{letter['id']}/discard", {"reason": "noise"}).status == 202

    until(api, "letter-1", "approval")
    assert api.get(f"/v1/dead-letters/{letter['id']}").json["status"] == "discarded"


def test_what_is_another_tenants_or_nobodys_is_not_found_SEC1(world: World) -> None:
    for tenant, id_ in (("strangers", "approve-1"), (TENANT, "nothing")):
        assert world.api(tenant).get(f"/v1/migrations/{id_}/holdup").status == 404


def again(world: World, id_: str, answer: Any) -> None:
    """The same causes are found in the events that the answer names, and in nothing else (X8)."""
    named = [event for cause in answer["causes"] for event in cause["events"]]
    stored = asyncio.run(events_of(world, id_, named))
    moment = micros_of(datetime.fromisoformat(answer["moment"]))

    assert len(stored) == len(set(named))
    assert [(cause.code, cause.reason, list(cause.events)) for cause in causes(id_, stored, moment)] == [
        (cause["code"], cause["reason"], cause["events"]) for cause in answer["causes"]
    ]


async def events_of(world: World, id_: str, named: list[str]) -> list[Fact]:
    """Events of the tenant by their ids, in the order of the log."""
    pool = asyncpg.create_pool(world.stack.postgres, min_size=1, max_size=1)
    async with pool, ReadModel(pool, world.prefix, b"test").snapshot() as snapshot:
        found = await snapshot.connection.fetch("SELECT * FROM event WHERE tenant = $1 ORDER BY kind, partition, pos", TENANT)
        return [fact for fact in map(stored_fact, found) if fact.envelope.event_id in named]
