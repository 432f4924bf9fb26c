"""Commands to a migration are answered with what the validator decided (O10), versions and roles respected (T5)."""

import pytest

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import migration


def test_a_cancelled_migration_says_so_O10(world: World) -> None:
    api = world.api("operate")
    api.decided("/v1/migrations", migration(migrationId="c-1"))

    answer = api.decided("/v1/migrations/c-1/cancel", {"reason": "not needed"})

    assert (answer.status, answer.json["status"], answer.json["events"]) == (200, "cancelled", ["MigrationCancelled"])


def test_what_the_state_forbids_is_a_conflict_with_the_reason_O10(world: World) -> None:
    api = world.api("operate")
    api.decided("/v1/migrations", migration(migrationId="c-2"))

    answer = api.decided("/v1/migrations/c-2/resume", {})

    assert (answer.status, answer.json["type"], answer.json["code"]) == (409, "/problems/command_refused", "not_possible_now")
    assert answer.headers["event-position"]


@pytest.mark.parametrize("path", ["/v1/migrations/nope/pause", "/v1/subscriptions/nope/disable", "/v1/deliveries/nope/replay"])
def test_what_does_not_exist_is_not_found_O10(world: World, path: str) -> None:
    answer = world.api("operate").decided(path, {"reason": "x"})

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_another_tenants_migration_is_not_found_SEC1(world: World) -> None:
    world.api("operate").decided("/v1/migrations", migration(migrationId="c-3"))

    answer = world.api("stranger").decided("/v1/migrations/c-3/cancel", {"reason": "x"})

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_if_match_with_an_old_version_is_a_failed_precondition_D2(world: World) -> None:
    api = world.api("operate")
    api.decided("/v1/migrations", migration(migrationId="c-4"))

    refused = api.decided("/v1/migrations/c-4/cancel", {"reason": "x"}, If_Match='"1"')
    taken = api.decided("/v1/migrations/c-4/cancel", {"reason": "x"}, If_Match=f'"{refused.json["version"]}"')

    assert (refused.status, refused.json["code"]) == (412, "version_conflict")
    assert taken.status == 200


@pytest.mark.parametrize("value", ['W/"1"', "", '"x"', '"1","2"'])
def test_an_if_match_that_is_no_version_is_a_bad_header(world: World, value: str) -> None:
    answer = world.api("operate").post("/v1/migrations/c-4/cancel", {"reason": "x"}, If_Match=value)

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/header/If-Match")


@pytest.mark.parametrize(
    ("role", "path", "body"),
    [
        ("viewer", "/v1/migrations", migration()),
        ("viewer", "/v1/migrations/c-1/pause", {"reason": "x"}),
        ("producer", "/v1/migrations/c-1/pause", {"reason": "x"}),
        ("owner", "/v1/migrations/c-1/skip-compensation", {"reason": "x"}),
        ("owner", "/v1/subscriptions", {"url": "https://x.example/", "eventTypes": ["*"]}),
        ("viewer", "/v1/deliveries/d-1/replay", {}),
    ],
)
def test_a_role_that_may_not_is_forbidden_T5(world: World, role: str, path: str, body: object) -> None:
    answer = world.api("operate", role).post(path, body)

    assert (answer.status, answer.json["code"]) == (403, "forbidden")


def test_a_subscription_lives_and_ends_by_command_O8(world: World) -> None:
    api = world.api("operate")
    created = api.decided("/v1/subscriptions", {"url": "https://hooks.example/x", "eventTypes": ["migration.*"], "subscriptionId": "s-1"})
    disabled = api.decided("/v1/subscriptions/s-1/disable", {"reason": "noise"})
    enabled = api.decided("/v1/subscriptions/s-1/enable", {})
    rotated = api.decided("/v1/subscriptions/s-1/rotate", {})
    changed = api.send("PUT", "/v1/subscriptions/s-1", {"url": "https://hooks.example/y", "eventTypes": ["*"]}, Prefer="wait=20")
    deleted = api.send("DELETE", "/v1/subscriptions/s-1", Prefer="wait=20")

    found = [answer.status for answer in (created, disabled, enabled, rotated, changed, deleted)]
    assert found == [201, 200, 200, 200, 200, 200]
    assert [created.json["status"], disabled.json["status"], enabled.json["status"], deleted.json["status"]] == [
        "active",
        "disabled",
        "active",
        "deleted",
    ]
