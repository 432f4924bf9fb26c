"""Queries: fresh on demand, as of any moment, in pages, with entity tags, and never another tenant's (X1, O12, SEC1)."""

import pytest

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Api, migration


def _made(api: Api, id_: str, **changes: object) -> str:
    """Ask for a migration; the position that holds it."""
    answer = api.decided("/v1/migrations", migration(migrationId=id_, **changes))
    assert answer.status == 201, answer.body
    return str(answer.json["position"])


def test_what_was_written_can_be_read_at_once_O12(world: World) -> None:
    api = world.api("read")
    stale = 0
    for number in range(50):
        position = _made(api, f"r-{number}")
        answer = api.get(f"/v1/migrations/r-{number}?min_position={position}")
        stale += answer.status != 200
        assert answer.headers["etag"] == f'"{answer.json["version"]}"'

    assert stale == 0


def test_a_known_version_is_not_sent_again(world: World) -> None:
    api = world.api("read")
    position = _made(api, "tag")
    first = api.get(f"/v1/migrations/tag?min_position={position}")

    again = api.get("/v1/migrations/tag", If_None_Match=first.headers["etag"])
    other = api.get("/v1/migrations/tag", If_None_Match='"0"')

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert other.status == 200


def test_pages_follow_each_other_without_gap_or_repeat_while_more_comes_O12(world: World) -> None:
    api = world.api("pages")
    for number in range(25):
        position = _made(api, f"p-{number:02}")
    api.get(f"/v1/migrations?min_position={position}")
    found, path = [], "/v1/migrations?limit=10&sort=requested_at&search=p-"
    while path:
        answer = api.get(path)
        found += [item["id"] for item in answer.json["items"]]
        _made(api, f"x-{len(found)}")
        link = answer.headers.get("link", "")
        assert bool(link) == ("next" in answer.json)
        path = link.partition(">")[0].removeprefix("<")

    assert found == [f"p-{number:02}" for number in range(25)]


def test_the_past_stays_readable_by_position_X1(world: World) -> None:
    api = world.api("past")
    position = _made(api, "then")
    before = api.get(f"/v1/migrations/then?min_position={position}")
    cancelled = api.decided("/v1/migrations/then/cancel", {"reason": "x"}).json["position"]

    now = api.get(f"/v1/migrations/then?min_position={cancelled}")
    then = api.get(f"/v1/migrations/then?at={before.json['position']}")

    assert (before.json["status"], now.json["status"]) == ("checking", "cancelled")
    assert then.json == before.json


def test_before_it_began_there_was_nothing_X1(world: World) -> None:
    assert world.api("past").get("/v1/migrations/then?at=2020-01-01T00:00:00Z").status == 404
    assert world.api("past").get("/v1/migrations?at=2020-01-01T00:00:00%2B01:00").json["items"] == []


def test_what_is_not_known_yet_is_said_with_what_is_X1(world: World) -> None:
    answer = world.api("past").get("/v1/migrations?at=2999-01-01T00:00:00Z")

    assert (answer.status, answer.json["code"]) == (409, "not_known_yet")
    assert answer.json["safePosition"]
    assert answer.json["safeTime"].endswith("Z")


def test_a_position_not_reached_in_five_seconds_is_unavailable_for_now(world: World) -> None:
    answer = world.api("past").get("/v1/migrations?min_position=migration:0:999999999")

    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "read_model_behind", "1")


def test_timeline_and_counts_tell_of_every_step_T2(world: World) -> None:
    api = world.api("history")
    _made(api, "h")
    position = api.decided("/v1/migrations/h/cancel", {"reason": "enough"}).json["position"]

    timeline = api.get(f"/v1/migrations/h/timeline?min_position={position}").json["items"]
    counts = api.get(f"/v1/migrations:counts?min_position={position}").json

    assert [event["type"] for event in timeline] == ["MigrationRequested", "WorkDispatched", "MigrationCancelled"]
    assert timeline[2]["data"]["reason"] == "enough"
    assert (counts["counts"], counts["total"]) == ({"cancelled": 1}, 1)
    assert api.get("/v1/migrations/h/plan").status == 404


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=501", "/query/limit"),
        ("limit=ten", "/query/limit"),
        ("unheard=1", "/query/unheard"),
        ("cursor=bogus", "/query/cursor"),
        ("at=yesterday", "/query/at"),
        ("at=2026-01-01T00:00:00", "/query/at"),
        ("at=planet:0:1", "/query/at"),
        ("min_position=x", "/query/min_position"),
        ("min_position=migration:99:1", "/query/min_position"),
        ("status=NO", "/query/status/0"),
        ("search=%00", "/query/search"),
        ("label=x", "/query/label/0"),
        ("limit=1&limit=2", "/query/limit"),
    ],
)
def test_a_query_that_does_not_fit_names_the_parameter(world: World, query: str, pointer: str) -> None:
    answer = world.api("read").get(f"/v1/migrations?{query}")

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize("part", ["", "/timeline", "/plan", "/evidence", "/progress"])
def test_another_tenants_migration_is_not_there_SEC1(world: World, part: str) -> None:
    _made(world.api("read"), f"secret{part.strip('/')}")

    answer = world.api("stranger").get(f"/v1/migrations/secret{part.strip('/')}{part}")

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_an_owner_operates_what_they_asked_for_and_nothing_else_T5(world: World) -> None:
    mine, theirs = world.api("owned", "owner", subject="ada"), world.api("owned", "owner", subject="bob")
    position = _made(mine, "o-1")
    mine.get(f"/v1/migrations/o-1?min_position={position}")

    refused = theirs.decided("/v1/migrations/o-1/cancel", {"reason": "x"})
    taken = mine.decided("/v1/migrations/o-1/cancel", {"reason": "x"})

    assert (refused.status, taken.status) == (404, 200)
