"""The callback URL of a migration is told its ends, its failures and where a person is waited for (O8)."""

from libs.contracts.migration.commands import ApproveMigration
from libs.testing.waiting import wait_until
from tests.integration.notifier.world import World


def types_at(world: World, path: str) -> list[str]:
    return [request.type for request in world.receiver.at(path)]


def test_success_is_told_once_with_the_tenants_callback_secret_O8(world: World) -> None:
    world.migrate("called", "m-1", callback="/called/1")
    world.migrate("called", "m-2")
    wait_until(lambda: world.receiver.at("/called/1"), "the callback has arrived")

    (request,) = world.receiver.at("/called/1")
    assert (
        request.verify(world.secrets.of_callbacks("called"))["data"] | {"migration": "m-1", "status": "completed"} == request.body["data"]
    )


def test_failure_and_rollback_are_told_in_order_with_the_problem_O8(world: World) -> None:
    world.migrate("called", "m-3", callback="/called/3", fail_at=2, fail_for_good=True)
    wait_until(lambda: len(world.receiver.at("/called/3")) >= 2, "both callbacks have arrived")

    assert types_at(world, "/called/3") == ["migration.failed", "migration.rolled_back"]
    assert world.receiver.at("/called/3")[0].body["data"]["problem"]["message"]


def test_a_refused_migration_is_told_O8(world: World) -> None:
    world.migrate("called", "m-4", callback="/called/4", steps=0)
    wait_until(lambda: world.receiver.at("/called/4"), "the callback has arrived")

    assert types_at(world, "/called/4") == ["migration.rejected"]


def test_a_callback_asked_for_before_a_crash_is_told_after_it_O8(world: World) -> None:
    world.migrate("called", "m-5", callback="/called/5", approval=True, steps=6)
    wait_until(lambda: types_at(world, "/called/5") == ["migration.approval_requested"], "approval is asked for")
    world.migrate("called", "m-6", callback="/called/6")
    wait_until(lambda: world.receiver.at("/called/6"), "another migration has passed")

    world.notifier.kill()
    world.send("migration", "called", "m-5", ApproveMigration())
    wait_until(lambda: world.state("migration", "called", "m-5").status == "completed", "it has completed meanwhile")
    world.notifier.start()

    wait_until(lambda: len(world.receiver.at("/called/5")) >= 2, "the callback has arrived")
    assert types_at(world, "/called/5") == ["migration.approval_requested", "migration.completed"]
