"""kill -9 of the notifier under load: nothing is missing, and what comes twice comes with a known id (R9, X13)."""

from collections import Counter
from functools import partial

from libs.contracts.delivery import DeliverySucceeded
from libs.telling.event_types import wanted_name
from libs.testing.waiting import PARTITIONS, wait_until
from services.notifier.identity import delivery_id_of
from tests.integration.notifier.world import World

KILLS = 10
MIGRATIONS_A_KILL = 5
EVENTS_A_MIGRATION = 6
AT_ONCE = 8
"""How many deliveries to one host may be in flight: the notifier's default."""


def arrived(world: World) -> Counter[str]:
    return Counter(request.id for request in world.receiver.at("/killed"))


def more_than(count: int, world: World) -> bool:
    return len(arrived(world)) > count


def recorded(world: World) -> int:
    """How many deliveries the log says were accepted."""
    return sum(type(found.body) is DeliverySucceeded for found in world.records("delivery.events", "killed"))


def test_no_delivery_is_missing_and_few_are_repeated_after_kills_R9_X13(world: World) -> None:
    world.subscribe("killed", "all", "/killed", "*")
    unsure = 0
    for kill in range(KILLS):
        before = len(arrived(world))
        for number in range(MIGRATIONS_A_KILL):
            world.migrate("killed", f"m-{kill}-{number}")
        goal = before + kill % MIGRATIONS_A_KILL * 2
        wait_until(partial(more_than, goal, world), f"more than {goal} have arrived")
        known = recorded(world)
        world.notifier.kill()
        unsure += len(arrived(world)) - known + AT_ONCE
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
    print(f"{total} deliveries, {KILLS} kills, {arrived(world).total() - total} repeated of {unsure} that may be")
    assert arrived(world).total() - total <= unsure, "only what was in flight, or accepted and not recorded yet, comes twice"
    for request in world.receiver.at("/killed"):
        request.verify(world.secrets.of_subscription("killed", "all", 1))
