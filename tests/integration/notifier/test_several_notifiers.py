"""Two notifiers share the work: nothing is missing when one comes or goes, and messages of one migration stay in order (R9)."""

from collections import Counter, defaultdict

from libs.testing.waiting import wait_until
from tests.integration.notifier.world import World

MIGRATIONS, EVENTS, AT_ONCE = 10, 6, 8


def test_another_notifier_may_come_and_go_R9(world: World) -> None:
    world.subscribe("shared", "all", "/shared", "*")
    for number in range(MIGRATIONS):
        world.migrate("shared", f"a-{number}")
    second = world.services.start("services.notifier", 1).wait_ready()
    for number in range(MIGRATIONS):
        world.migrate("shared", f"b-{number}")
    wait_until(lambda: len(ids(world)) >= MIGRATIONS * EVENTS + EVENTS, "some of the second wave has arrived")
    second.stop()
    for number in range(MIGRATIONS):
        world.migrate("shared", f"c-{number}")
    wait_until(lambda: len(ids(world)) >= 3 * MIGRATIONS * EVENTS, "everything has arrived")

    assert len(ids(world)) == 3 * MIGRATIONS * EVENTS
    assert ids(world).total() - len(ids(world)) <= 3 * AT_ONCE
    assert second.lines("assigned")
    assert first_arrivals(world) == {migration: sorted(versions) for migration, versions in first_arrivals(world).items()}


def ids(world: World) -> Counter[str]:
    return Counter(request.id for request in world.receiver.at("/shared"))


def first_arrivals(world: World) -> dict[str, list[int]]:
    seen: set[str] = set()
    found: dict[str, list[int]] = defaultdict(list)
    for request in world.receiver.at("/shared"):
        if request.id not in seen:
            seen.add(request.id)
            found[request.body["data"]["migration"]].append(request.body["data"]["version"])
    return found
