"""Event streams: everything once, whatever is cut; nobody else's; bounded (T7, SEC1, SEC7)."""

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import events, migration


def test_a_stream_cut_again_and_again_misses_and_repeats_nothing_T7(world: World) -> None:
    api = world.api("stream")
    seen: list[str] = []
    expected: list[str] = []
    written = api.decided("/v1/migrations", migration(migrationId="first")).json["position"]
    resume = {"Last_Event_ID": api.read(f"/v1/migrations?min_position={written}").json["position"]}
    for number in range(30):
        answer = api.decided("/v1/migrations", migration(migrationId=f"s-{number}"))
        assert answer.status == 201
        expected += [f"s-{number}/1", f"s-{number}/2"]
        with api.stream("/v1/events", **resume) as blocks:
            for block in events(blocks, len(expected) - len(seen) if number % 3 else 1):
                seen.append(f"{block['data']['id']}/{block['data']['version']}")
                resume = {"Last_Event_ID": block["id"]}
    with api.stream("/v1/events", **resume) as blocks:
        seen += [f"{block['data']['id']}/{block['data']['version']}" for block in events(blocks, len(expected) - len(seen))]

    assert len(seen) == len(set(seen))
    assert set(seen) == set(expected)


def test_live_events_come_without_asking_again_T7(world: World) -> None:
    api = world.api("stream-live")

    with api.stream("/v1/events?type=MigrationRequested") as blocks:
        next(blocks)
        for number in range(5):
            api.post("/v1/migrations", migration(migrationId=f"l-{number}"))
        found = events(blocks, 5)

    assert {block["data"]["id"] for block in found} == {f"l-{number}" for number in range(5)}


def test_one_migration_can_be_followed_alone_T7(world: World) -> None:
    api = world.api("stream-one")

    with api.stream("/v1/migrations/one-b/events") as blocks:
        next(blocks)
        api.post("/v1/migrations", migration(migrationId="one-a"))
        api.post("/v1/migrations", migration(migrationId="one-b"))
        found = events(blocks, 2)

    assert [block["data"]["id"] for block in found] == ["one-b", "one-b"]


def test_a_stream_holds_nothing_of_another_tenant_SEC1(world: World) -> None:
    mine, theirs = world.api("stream-mine"), world.api("stream-theirs")

    with mine.stream("/v1/events") as blocks:
        next(blocks)
        theirs.decided("/v1/migrations", migration(migrationId="canary"))
        mine.decided("/v1/migrations", migration(migrationId="mine"))
        found = events(blocks, 2)

    assert {block["data"]["id"] for block in found} == {"mine"}


def test_an_unknown_position_is_answered_with_reset_T7(world: World) -> None:
    with world.api("stream").stream("/v1/events", Last_Event_ID="migration:0:999999999") as blocks:
        block = next(block for block in blocks if "data" in block)

    assert block["event"] == "reset"


def test_a_malformed_position_is_a_bad_header_T7(world: World) -> None:
    answer = world.api("stream").get("/v1/events", Last_Event_ID="yesterday")

    assert (answer.status, answer.json["code"]) == (400, "invalid_header")


def test_a_sixth_stream_of_one_token_is_refused_SEC7(world: World) -> None:
    api = world.api("stream-many")
    held = [api.stream("/v1/events") for _ in range(5)]
    for one in held:
        next(one.__enter__())

    answer = api.get("/v1/events")

    assert (answer.status, answer.json["code"]) == (429, "too_many_streams")
    assert answer.headers["retry-after"]
    for one in held:
        one.__exit__(None, None, None)
