"""What holds a whole wave up, asked over HTTP: itself, its capacities, and its members, what matters most first, in pages (X12)."""

import time
from typing import Any

from libs.contracts.capacity import AcquireSlot
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Api, migration
from tests.integration.ingress.test_waves_O17 import chain, note, put, read
from tests.integration.ingress.test_what_holds_it_up_X12 import TENANT


def standing(api: Api, wave: str, code: str) -> int:
    """How many members stand so, as far as the wave is known yet."""
    answer = api.get(f"/v1/waves/{wave}/holdup")
    return answer.json["counts"].get(code, 0) if answer.status == 200 else 0


def why(api: Api, wave: str, query: str = "") -> Any:
    answer = api.get(f"/v1/waves/{wave}/holdup{query}")
    assert answer.status == 200, answer.body
    return answer.json


def test_members_come_with_what_matters_most_first_and_the_events_it_comes_from_X12_X8(world: World) -> None:
    api = world.api("wavehold")
    chain(api, "w1", 4, maxFailures=5)
    note(world, "wavehold", "w1", ("w1-0", "begun", ""), ("w1-0", "failed", "copy: the disk is full"))
    wait_until(lambda: standing(api, "w1", "blocked") == 3, "the failure is known")
    found = why(api, "w1")

    assert (found["status"], found["causes"], found["ended"]) == ("running", [], 0)
    assert found["counts"] == {"not_requested": 1, "blocked": 3}
    first = found["items"][0]
    assert (first["migration"], first["code"], first["ask"]) == ("w1-1", "blocked", [{"kind": "migration", "id": "w1-0"}])
    members = {one["migration"]: one["sinceEvent"] for one in api.get("/v1/waves/w1/members").json["items"]}
    assert first["events"] == [members["w1-1"], members["w1-0"]]
    page = why(api, "w1", "?limit=3")
    rest = why(api, "w1", f"?limit=3&cursor={page['next']}")
    assert [one["migration"] for one in (*page["items"], *rest["items"])] == [one["migration"] for one in found["items"]]
    assert api.get("/v1/waves/nobody/holdup").status == 404


def test_a_wave_that_is_stopped_or_waits_for_another_says_so_and_its_member_follows_X12(world: World) -> None:
    api = world.api("wavewait")
    read(api, "w0", put(api, "w0", {}))
    assert put(api, "w1", {"after": ["w0"]}).status == 200
    assert api.decided("/v1/waves/w1/members", {"members": [{"migration": "m-1"}]}).status == 200
    assert api.decided("/v1/waves/w1/start", {}).status == 200
    wait_until(lambda: api.get("/v1/waves/w1").json.get("status") == "waiting", "it waits")
    (cause,) = why(api, "w1")["causes"]
    started = api.get("/v1/waves/w1").json

    assert (cause["code"], cause["ask"]) == ("wave_before", [{"kind": "wave", "id": "w0"}])
    assert cause["reason"] == "the wave w1 comes after w0, which is planned"
    assert started["updatedEvent"] in cause["events"]
    assert why(api, "w0")["causes"][0]["code"] == "wave_not_started"


def test_a_member_that_waits_for_its_admission_is_led_to_what_its_wave_waits_for_X12(world: World, workers: None) -> None:
    api = world.api(TENANT)
    assert put(api, "w-led", {}).status == 200
    assert api.decided("/v1/waves/w-led/members", {"members": [{"migration": "led-0"}, {"migration": "led-1", "dependsOn": ["led-0"]}]})
    assert api.decided("/v1/waves/w-led/start", {}).status == 200
    assert api.decided("/v1/migrations", migration(migrationId="led-1", wave="w-led", options={"steps": 2})).status == 201
    path = "/v1/migrations/led-1/holdup"
    wait_until(lambda: api.get(path).json.get("causes", [{}])[0].get("code") == "admission", "it waits for its wave")
    (cause,) = api.get(path).json["wave"]

    assert (cause["code"], cause["ask"]) == ("wave_dependency", [{"kind": "migration", "id": "led-0"}])
    assert cause["reason"] == "in the wave it comes after led-0, not completed yet"


def test_a_capacity_that_members_wait_for_is_a_cause_of_the_wave_X12(world: World, workers: None) -> None:
    api = world.api(TENANT)
    assert api.send("PUT", "/v1/capacities/limit/wave", {"limit": 1}, Prefer="wait=20").status == 200
    world.send("capacity", TENANT, "limit/wave", AcquireSlot(holder="somebody#1"))
    assert put(api, "w-slot", {"limits": ["limit/wave"]}).status == 200
    assert api.decided("/v1/waves/w-slot/members", {"members": [{"migration": "slotted"}]}).status == 200
    assert api.decided("/v1/waves/w-slot/start", {}).status == 200
    assert api.decided("/v1/migrations", migration(migrationId="slotted", wave="w-slot", options={"steps": 2})).status == 201
    wait_until(lambda: standing(api, "w-slot", "slot") == 1, "it waits for a slot", 60)
    (cause,) = why(api, "w-slot")["causes"]

    assert (cause["code"], cause["ask"]) == ("slot_limit", [{"kind": "capacity", "id": "limit/wave"}])
    assert cause["reason"] == "1 of its members wait for a slot of limit/wave: all 1 slots are held (slotted)"


def test_a_wave_of_ten_thousand_is_answered_in_pages_within_seconds_X12(world: World) -> None:
    api = world.api("wavelarge")
    assert put(api, "w1", {}).status == 200
    for page in range(10):
        members = [{"migration": f"m-{page}-{n}", "dependsOn": [f"m-{page}-{n - 1}"] if n else []} for n in range(1_000)]
        added = api.decided("/v1/waves/w1/members", {"members": members})
        assert added.status == 200, added.body
    read(api, "w1", added)
    began = time.monotonic()
    found = why(api, "w1", "?limit=500")
    took = time.monotonic() - began

    assert (sum(found["counts"].values()), len(found["items"]), bool(found["next"])) == (10_000, 500, True)
    assert took < 5, f"it took {took:.1f} s"
    print(f"a wave of 10,000 was answered in {took:.2f} s")
