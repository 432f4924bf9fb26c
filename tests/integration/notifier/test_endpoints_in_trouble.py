"""Endpoints that fail, are slow or are gone: retried by the schedule, in order, and at nobody else's cost (R9, R10)."""

import threading
import time

from libs.testing.waiting import wait_until
from tests.integration.notifier.receiving import OK, receiving
from tests.integration.notifier.world import World

PER_HOST = 8
"""How many requests to one host may be in flight: the notifier's default."""
STEPS = ["migration.requested", "migration.planned", *["migration.step.completed"] * 3, "migration.completed"]


def test_a_failing_endpoint_gets_everything_in_order_once_it_recovers_R9_R10(world: World) -> None:
    world.receiver.answers["/flaky"] = lambda before: (500, {}) if before == 0 else OK
    world.receiver.answers["/busy"] = lambda before: (503, {"Retry-After": "7"}) if before == 0 else OK
    world.subscribe("flaky", "flaky", "/flaky", "*")
    world.subscribe("flaky", "busy", "/busy", "migration.completed")

    world.migrate("flaky", "m-1")
    wait_until(lambda: len(world.receiver.at("/flaky")) >= 7 and len(world.receiver.at("/busy")) >= 2, "everything has arrived")

    flaky, busy = world.receiver.at("/flaky"), world.receiver.at("/busy")
    assert [request.type for request in flaky] == ["migration.requested", *STEPS]
    assert flaky[0].id == flaky[1].id
    assert flaky[1].at - flaky[0].at >= 5
    assert busy[0].id == busy[1].id
    assert busy[1].at - busy[0].at >= 7


def test_an_endpoint_that_is_gone_disables_its_subscription_and_is_left_alone_R10(world: World) -> None:
    world.receiver.answers["/gone"] = lambda before: (410, {})
    world.subscribe("gone", "gone", "/gone", "*")

    world.migrate("gone", "m-1")
    wait_until(lambda: world.state("subscription", "gone", "gone").status == "disabled", "it is disabled")
    before = len(world.receiver.at("/gone"))
    world.subscribe("gone", "witness", "/gone/witness", "migration.completed")
    world.migrate("gone", "m-2")
    wait_until(lambda: world.receiver.at("/gone/witness"), "another subscription is told")

    assert {request.body["data"]["migration"] for request in world.receiver.at("/gone")} == {"m-1"}
    assert len(world.receiver.at("/gone")) <= before + PER_HOST, "only what was on its way already may still come"
    disabled = [found.body for found in world.records("subscription.events", "gone") if "Disabled" in type(found.body).__name__]
    assert len(disabled) == 1
    assert "410 Gone" in disabled[0].reason


def test_an_endpoint_that_hangs_delays_neither_others_nor_the_migration_O8(world: World) -> None:
    release = threading.Event()
    with receiving(time.monotonic) as slow:
        slow.answers["/hanging"] = lambda before: OK if release.wait(60) else (500, {})
        world.subscribe("slow", "hanging", "/hanging", "*", receiver=slow)
        world.subscribe("slow", "quick", "/quick", "*")
        for number in range(20):
            world.migrate("slow", f"m-{number}")
        wait_until(lambda: len(world.receiver.at("/quick")) >= 20 * len(STEPS), "everybody else is told", seconds=30)

        assert not release.is_set()
        assert 1 <= len(slow.at("/hanging")) <= PER_HOST
        wait_until(lambda: world.state("migration", "slow", "m-19").status == "completed", "the migrations complete")
        release.set()
