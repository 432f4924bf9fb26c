"""Waves are planned, filled, started, paused, rolled back and read over HTTP; members' own notes come as policies send them (O17, X5)."""

from typing import Any

from libs.contracts.wave import commands as w
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api, migration


def put(api: Api, id_: str, body: Any, **headers: str) -> Answer:
    return api.send("PUT", f"/v1/waves/{id_}", body, Prefer="wait=20", **headers)


def read(api: Api, path: str, after: Answer) -> Any:
    assert after.status == 200, after.body
    answer = api.read(f"/v1/waves/{path}{'&' if '?' in path else '?'}min_position={after.headers['event-position']}")
    assert answer.status == 200, answer.body
    return answer.json


def note(world: World, tenant: str, wave: str, *notes: tuple[str, str, str]) -> None:
    """What migrations' policies tell their wave: who, what, why."""
    world.send("wave", tenant, wave, *(w.NoteMember(migration=who, outcome=outcome, reason=reason) for who, outcome, reason in notes))


def chain(api: Api, wave: str, count: int, **settings: int) -> None:
    """A wave that is started; each of its members depends on the one before."""
    assert put(api, wave, settings).status == 200
    members = [{"migration": f"{wave}-{n}", "dependsOn": [f"{wave}-{n - 1}"] if n else []} for n in range(count)]
    assert api.decided(f"/v1/waves/{wave}/members", {"members": members}).status == 200
    started = api.decided(f"/v1/waves/{wave}/start", {})
    assert (started.status, started.json["events"]) == (200, ["WaveStarted", "MembersAdmitted"])


def test_a_wave_is_planned_read_and_planned_anew_O17(world: World) -> None:
    api = world.api("fleet")
    answer = put(api, "w1", {"limits": ["calendar/prod"], "maxFailures": 2, "maxRunning": 5, "description": "the shops"})
    found = read(api, "w1", answer)

    assert answer.headers["location"] == "/v1/waves/w1"
    assert (found["status"], found["limits"], found["maxFailures"], found["maxRunning"]) == ("planned", ["calendar/prod"], 2, 5)
    assert (found["members"], found["states"], found["blocked"], found["description"]) == (0, {}, 0, "the shops")
    assert api.get("/v1/waves/w1", If_None_Match='"1"').status == 304
    refused = put(api, "w1", {}, If_Match='"7"').json
    assert refused["code"] == "version_conflict"
    assert read(api, "w1", put(api, "w1", {}, If_Match=f'"{refused["version"]}"'))["limits"] == []
    assert put(api, "w1", {"after": ["w1"]}).json["code"] == "invalid_settings"
    assert api.get(f"/v1/waves/w1?at={found['position']}").json["limits"] == ["calendar/prod"]
    assert "w1" in [one["id"] for one in api.get("/v1/waves").json["items"]]
    assert api.get("/v1/waves/nobody").status == 404


def test_members_come_by_expression_which_means_those_there_are_now_O17(world: World) -> None:
    api = world.api("expressive")
    path = "/v1/waves/w1/members"
    put(api, "w1", {})
    for id_, team, depends_on in (("a", "core", []), ("b", "core", ["a"]), ("c", "edge", [])):
        body = migration(migrationId=id_, wave="w1", labels={"team": team}, dependsOn=depends_on)
        assert api.decided("/v1/migrations", body).status == 201
    api.decided("/v1/migrations", migration(migrationId="other", wave="w2", labels={"team": "core"}))
    wait_until(lambda: len(api.get("/v1/migrations").json["items"]) == 4, "all four are listed")

    first = api.decided(path, {"where": {"label": ["team=core"]}}, Idempotency_Key="by-expression")
    assert (first.status, first.json["members"], first.json["more"], first.json["events"]) == (200, ["a", "b"], False, ["MembersAdded"])
    members = read(api, "w1/members", first)["items"]
    assert [(one["migration"], one["state"], one["dependsOn"]) for one in members] == [("a", "planned", []), ("b", "planned", ["a"])]

    again = api.decided(path, {"where": {"label": ["team=core"]}}, Idempotency_Key="by-expression")
    assert (again.status, again.json["version"], again.json["members"]) == (200, first.json["version"], ["a", "b"])
    rest = api.decided(path, {"where": {}})
    assert rest.json["members"] == ["c"]
    read(api, "w1", rest)
    assert api.decided(path, {"where": {}}).json["errors"][0]["code"] == "nobody"
    assert api.decided(path, {}).json["errors"][0]["code"] == "list_or_expression"


def test_a_wave_that_a_hundred_wait_for_takes_no_more_O17(world: World) -> None:
    api = world.api("crowd")
    put(api, "base", {})
    world.send("wave", "crowd", "base", *(w.NoteWave(wave=f"w{n}", outcome="waits") for n in range(100)))
    wait_until(lambda: api.get("/v1/waves/base").json.get("version") == 101, "all hundred are known")

    answer = put(api, "another", {"after": ["free", "base"]})
    [error] = answer.json["errors"]
    assert (answer.status, error["pointer"], error["code"]) == (422, "/after/1", "too_many_followers")
    assert put(api, "w99", {"after": ["base"]}).status == 200


def test_a_migration_that_names_another_wave_or_none_is_no_member_O17(world: World) -> None:
    api = world.api("strict")
    put(api, "w1", {})
    assert api.decided("/v1/migrations", migration(migrationId="a", wave="w1")).status == 201
    assert api.decided("/v1/migrations", migration(migrationId="b", wave="w2")).status == 201
    assert api.decided("/v1/migrations", migration(migrationId="c")).status == 201
    wait_until(lambda: len(api.get("/v1/migrations").json["items"]) == 3, "all three are listed")

    def added(*ids: str) -> Answer:
        return api.decided("/v1/waves/w1/members", {"members": [{"migration": id_} for id_ in ids]})

    for wrong, named in (("b", "names the wave w2"), ("c", "names no wave")):
        answer = added("a", wrong)
        [error] = answer.json["errors"]
        assert (answer.status, error["pointer"], error["code"]) == (422, "/members/1/migration", "another_wave")
        assert named in error["detail"]
    assert added("a", "still-to-come").status == 200


def test_who_is_blocked_by_whom_is_listed_and_a_rollback_is_shown_before_it_runs_X5(world: World) -> None:
    api = world.api("rolling")
    chain(api, "w1", 3, maxFailures=5)
    note(world, "rolling", "w1", ("w1-0", "begun", ""), ("w1-0", "failed", "copy: the disk is full"))
    wait_until(lambda: api.get("/v1/waves/w1").json.get("blocked") == 2, "the failure is known")

    failed, second, third = api.get("/v1/waves/w1/members").json["items"]
    assert (failed["state"], failed["reason"], failed["blockedBy"]) == ("failed", "copy: the disk is full", "")
    assert (second["state"], second["blockedBy"]) == (third["state"], third["blockedBy"]) == ("blocked", "w1-0")
    page = api.get("/v1/waves/w1/members?state=blocked&limit=1").json
    assert [one["migration"] for one in page["items"]] == ["w1-1"]
    rest = api.get(f"/v1/waves/w1/members?state=blocked&limit=1&cursor={page['next']}").json
    assert [one["migration"] for one in rest["items"]] == ["w1-2"]
    assert api.get("/v1/waves/w1/members?state=lost").status == 422

    plan = api.post("/v1/waves/w1/rollback?dryRun=true", {})
    assert (plan.status, plan.json["possible"], plan.json["rollsBack"]) == (200, True, ["w1-0"])
    assert plan.json["stays"] == [{"migration": f"w1-{n}", "reason": "not begun; it is not admitted any more"} for n in (1, 2)]
    assert api.get("/v1/waves/w1").json["version"] == plan.json["version"]

    assert api.decided("/v1/waves/w1/rollback", {}).json["errors"][0]["pointer"] == "/reason"
    done = api.decided("/v1/waves/w1/rollback", {"reason": "wrong network"}, If_Match=plan.headers["etag"])
    assert done.json["events"] == ["WaveRollbackStarted", "MembersTold"]
    found = read(api, "w1/members?state=rolling_back", done)["items"]
    assert [one["migration"] for one in found] == plan.json["rollsBack"]


def test_a_wave_is_paused_resumed_and_cancelled_with_a_reason_O17(world: World) -> None:
    api = world.api("operated")
    chain(api, "w1", 2)
    paused = api.decided("/v1/waves/w1/pause", {"reason": "storm"})
    found = read(api, "w1", paused)
    assert (paused.json["status"], found["status"], found["reason"]) == ("paused", "paused", "storm")
    assert api.decided("/v1/waves/w1/pause", {}).status == 422
    assert read(api, "w1", api.decided("/v1/waves/w1/resume", {}))["status"] == "running"
    assert api.decided("/v1/waves/w1/resume", {}).json["code"] == "not_possible_now"
    assert read(api, "w1", api.decided("/v1/waves/w1/cancel", {"reason": "not wanted"}))["status"] == "cancelled"
    assert api.post("/v1/waves/w1/rollback?dryRun=true", {}).json["possible"] is False


def test_a_cycle_is_refused_and_named_O17(world: World) -> None:
    api = world.api("circular")
    put(api, "w1", {})
    members = [{"migration": "x", "dependsOn": ["y"]}, {"migration": "y", "dependsOn": ["x"]}]
    api.decided("/v1/waves/w1/members", {"members": members})
    refused = api.decided("/v1/waves/w1/start", {})

    assert (refused.status, refused.json["code"]) == (409, "invalid_dependencies")
    assert "x, y" in refused.json["detail"]
    assert api.decided("/v1/waves/nobody/start", {}).json["code"] == "not_found"


def test_who_only_reads_changes_nothing_and_a_producer_sees_nothing_SEC1(world: World) -> None:
    put(world.api("roles"), "w1", {})
    viewer, producer = world.api("roles", "viewer"), world.api("roles", "producer")
    wait_until(lambda: viewer.get("/v1/waves/w1").status == 200, "a viewer reads it")

    assert viewer.get("/v1/waves/w1/members").status == 200
    assert (put(viewer, "w1", {}).status, viewer.post("/v1/waves/w1/start", {}).status) == (403, 403)
    assert (producer.get("/v1/waves/w1").status, put(producer, "w1", {}).status) == (403, 403)


def test_waves_that_would_wait_for_each_other_are_refused_and_named_O17(world: World) -> None:
    api = world.api("ring")
    for wave, after in (("w1", ["w3"]), ("w2", ["w1"])):
        read(api, wave, put(api, wave, {"after": after}))

    itself = put(api, "w3", {"after": ["w0", "w2"]})
    assert (itself.status, [(error["pointer"], error["code"]) for error in itself.json["errors"]]) == (422, [("/after", "circle_of_waves")])
    assert "w3, w2, w1;" in itself.json["detail"]
    assert put(api, "w3", {"after": ["w0"]}).status == 200
    read(api, "w1", put(api, "w1", {}))
    assert put(api, "w3", {"after": ["w2"]}).status == 200
