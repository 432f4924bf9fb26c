"""Capacities are set, overridden, imported from calendar files and read; migrations get their slots by commands (O22)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.contracts import capacity as c
from libs.runtime.clock import now_us
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api

NOON = "2026-01-01T12:00:00Z"
FREEZE = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Year-end close\nDTSTART:{0}\nDTEND:{1}\nEND:VEVENT\nEND:VCALENDAR\n"


def at(hours: float) -> datetime:
    """A moment some hours from now."""
    return datetime.fromtimestamp(now_us() / 1_000_000, UTC) + timedelta(hours=hours)


def put(api: Api, id_: str, body: Any, **headers: str) -> Answer:
    return api.send("PUT", f"/v1/capacities/{id_}", body, Prefer="wait=20", **headers)


def read(api: Api, id_: str, after: Answer) -> Any:
    assert after.status == 200, after.body
    answer = api.read(f"/v1/capacities/{id_}?min_position={after.headers['event-position']}")
    assert answer.status == 200, answer.body
    return answer.json


def test_a_limit_is_set_read_and_set_anew_O22(world: World) -> None:
    api = world.api("slots")
    answer = put(api, "limit/host=esx-1", {"limit": 4, "perMinute": 10, "description": "one host"})
    found = read(api, "limit/host=esx-1", answer)

    assert (answer.status, answer.headers["location"]) == (200, "/v1/capacities/limit/host=esx-1")
    assert (found["id"], found["limit"], found["perMinute"], found["heldUpBy"]) == ("limit/host=esx-1", 4, 10, "")
    refused = put(api, "limit/host=esx-1", {"limit": 5}, If_Match='"7"').json
    assert refused["code"] == "version_conflict"
    again = put(api, "limit/host=esx-1", {"limit": 5}, If_Match=f'"{refused["version"]}"')
    assert read(api, "limit/host=esx-1", again)["perMinute"] == 0


def test_who_holds_and_who_waits_is_listed_page_by_page_with_since_when_O22(world: World) -> None:
    api = world.api("slots")
    put(api, "limit/two", {"limit": 2})
    world.send("capacity", "slots", "limit/two", *[c.AcquireSlot(holder=f"mig-{n}") for n in range(5)])
    wait_until(lambda: api.get("/v1/capacities/limit/two").json.get("queued") == 3, "all five have asked")
    found = api.get("/v1/capacities/limit/two").json
    first = api.get("/v1/capacities/limit/two/queue?limit=2").json
    rest = api.get(f"/v1/capacities/limit/two/queue?limit=2&cursor={first['next']}").json

    assert (found["held"], found["heldUpBy"], found["reason"], found["opensAt"]) == (2, "limit", "all 2 slots are held", None)
    assert [one["holder"] for one in api.get("/v1/capacities/limit/two/holders").json["items"]] == ["mig-0", "mig-1"]
    assert [one["holder"] for one in [*first["items"], *rest["items"]]] == ["mig-2", "mig-3", "mig-4"]
    assert all(one["since"] for one in first["items"])
    then = api.get(f"/v1/capacities/limit/two/holders?at={found['position']}").json
    assert [one["holder"] for one in then["items"]] == ["mig-0", "mig-1"]


def test_a_rule_becomes_windows_and_says_when_it_opens_O22(world: World) -> None:
    api = world.api("slots")
    begins = at(2).strftime("%Y-%m-%dT%H:%M:00")
    rule = {"rule": "FREQ=DAILY", "begins": begins, "zone": "UTC", "duration": "PT1H"}
    found = read(api, "calendar/prod", put(api, "calendar/prod", {"windows": [rule], "lockoutMs": 60_000}))

    assert (found["heldUpBy"], found["opensAt"]) == ("window", f"{begins}.000000Z")
    assert len(found["windows"]) in (730, 731, 732)
    assert found["windowsFrom"] == f"RRULE:FREQ=DAILY from {begins} UTC for PT1H"


def test_a_calendar_file_becomes_freezes_and_the_rest_stays_O22(world: World) -> None:
    api = world.api("slots")
    put(api, "calendar/files", {"limit": 3})
    text = FREEZE.format(at(-1).strftime("%Y%m%dT%H%M00Z"), at(1).strftime("%Y%m%dT%H%M00Z")).encode()
    path = "/v1/capacities/calendar/files/freezes"
    wait_until(lambda: api.get("/v1/capacities/calendar/files").status == 200, "it can be read")
    answer = api.send("PUT", path, text, Content_Type="text/calendar", Prefer="wait=20")
    found = read(api, "calendar/files", answer)

    assert (found["limit"], found["heldUpBy"], found["reason"]) == (3, "freeze", "the freeze 'Year-end close' is on")
    assert found["freezes"][0]["label"] == "Year-end close"
    inside = put(api, "calendar/inside", {"freezes": [{"calendar": text.decode()}]})
    assert read(api, "calendar/inside", inside)["heldUpBy"] == "freeze"


def test_an_override_opens_a_freeze_and_is_taken_back_O22(world: World) -> None:
    api = world.api("slots")
    freeze = {"begins": at(-1).isoformat(timespec="seconds"), "ends": at(2).isoformat(timespec="seconds"), "label": "audit"}
    put(api, "calendar/over", {"freezes": [freeze]})
    until = at(1).isoformat(timespec="seconds")
    opened = api.decided("/v1/capacities/calendar/over/override", {"until": until, "reason": "agreed"})
    found = read(api, "calendar/over", opened)
    closed = api.decided("/v1/capacities/calendar/over/override", {"until": None, "reason": "finance called"})

    assert (opened.json["events"], found["heldUpBy"], found["overrideReason"]) == (["FreezeOverridden"], "", "agreed")
    assert read(api, "calendar/over", closed)["heldUpBy"] == "freeze"
    refused = api.decided("/v1/capacities/limit/nothing/override", {"until": until, "reason": "x"})
    assert (refused.status, refused.json["code"]) == (409, "nothing_to_override")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"limit": -1}, "/limit"),
        ({"limit": 9_999}, "/limit"),
        ({"onClose": "kill"}, "/onClose"),
        ({"windows": [{"begins": NOON}]}, "/windows/0/ends"),
        ({"windows": [{"rule": "FREQ=DAILY", "begins": "x", "zone": "UTC", "duration": "PT1H"}]}, "/windows/0"),
        ({"freezes": [{"calendar": "hello"}]}, "/freezes/0"),
        ({"windows": [{"begins": NOON, "ends": NOON}]}, ""),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_is_wrong_is_named_by_its_place_O22(world: World, body: Any, pointer: str) -> None:
    answer = put(world.api("slots"), "limit/wrong", body)

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer), answer.json


def test_a_rule_that_never_comes_true_is_given_up_O22(world: World) -> None:
    never = {"rule": "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "begins": "2026-01-03T22:00:00", "zone": "UTC", "duration": "PT1H"}
    answer = put(world.api("slots"), "calendar/never", {"windows": [never]})

    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "too_costly"), answer.json


def test_a_file_that_is_none_is_refused_with_its_line_O22(world: World) -> None:
    path = "/v1/capacities/calendar/none/freezes"
    answer = world.api("slots").send("PUT", path, b"BEGIN:VCALENDAR\nhello\n", Content_Type="text/calendar")
    other = world.api("slots").send("PUT", path, b"{}", Content_Type="application/json")

    assert (answer.status, answer.json["detail"]) == (422, "line 2: 'hello' is no calendar line; write NAME:value")
    assert other.status == 415


@pytest.mark.parametrize("id_", ["Prod/x", "prod", "a/b/c", "calendar/-x", "calendar/a%2Fb"])
def test_an_id_is_a_kind_a_slash_and_a_name_O22(world: World, id_: str) -> None:
    assert put(world.api("slots"), id_, {"limit": 1}).status in (404, 405)


def test_a_producer_may_not_and_another_tenant_sees_nothing_SEC1(world: World) -> None:
    put(world.api("slots"), "limit/mine", {"limit": 1})

    assert put(world.api("slots", "producer"), "limit/mine", {"limit": 9}).status == 403
    assert put(world.api("slots", "viewer"), "limit/mine", {"limit": 9}).status == 403
    assert world.api("strangers").get("/v1/capacities/limit/mine").status == 404
    assert world.api("strangers").get("/v1/capacities").json["items"] == []


def test_all_are_listed_in_pages_O22(world: World) -> None:
    api = world.api("many")
    last = [put(api, f"limit/l-{n}", {"limit": n + 1}) for n in range(5)][-1]
    first = api.read(f"/v1/capacities?limit=3&min_position={last.headers['event-position']}").json
    rest = api.get(f"/v1/capacities?limit=3&cursor={first['next']}").json

    assert [one["limit"] for one in [*first["items"], *rest["items"]]] == [1, 2, 3, 4, 5]
