"""kill -9 of the notifier under load: nothing is missing, and what comes twice comes with a known id (R9, X13)."""

from collections import Counter
from functools import partial

from libs.telling.event_types import wanted_name
from libs.testing.waiting import PARTITIONS, wait_until
from services.notifier.identity import delivery_id_of
from tests.integration.notifier.world import World

KILLS = 10
MIGRATIONS_A_KILL = 5
EVENTS_A_MIGRATION = 6
AT_ONCE = 8
"""How many deliveries to one host may be in flight: the notifier's default."""
ON_THE_WAY = 4
"""How many more may have been accepted a moment ago, their reports not yet recorded."""


def arrived(world: World) -> Counter[str]:
    return Counter(request.id for request in world.receiver.at("/killed"))


def more_than(count: int, world: World) -> bool:
    return len(arrived(world)) > count


def test_no_delivery_is_missing_and_few_are_repeated_after_kills_R9_X13(world: World) -> None:
    world.subscribe("killed", "all", "/killed", "*")
    for kill in range(KILLS):
        before = len(arrived(world))
        for number in range(MIGRATIONS_A_KILL):
            world.migrate("killed", f"m-{kill}-{number}")
        goal = before + kill % MIGRATIONS_A_KILL * 2
        wait_until(partial(more_than, goal, world), f"more than {goal} have arrived")
        world.notifier.kill()
        world.notifier.start()
    total = KILLS * MIGRATIONS_A_KILL * EVENTS_A_MIGRATION
    wait_until(lambda: len(arrived(world)) >= total, "everything has arrived")

    expected = {
        delivery_id_of("killed", found.decoded.envelope.event_id, "all", found.partition, PARTITIONS)
        for found in world.records("migration.events", "killed")
        if wanted_name(["*"], type(found.body))
    }
    assert len(expected) == total
    assert arrived(world).keys() == expected
    print(f"{total} deliveries, {KILLS} kills, {arrived(world).total() - total} repeated")
    assert arrived(world).total() - total <= (AT_ONCE + ON_THE_WAY) * KILLS
    for request in world.receiver.at("/killed"):
        request.verify(world.secrets.of_subscription("killed", "all", 1))
