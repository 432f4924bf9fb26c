"""Pause, resume, approve, refuse, retry, rollback and cancel on the command line, legal only where the state allows them (O10)."""

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World


def until(world: World, id_: str, status: str) -> None:
    """Wait until a migration is shown with a status."""
    wait_until(lambda: world.run("show", id_, "--json").json.get("status") == status, f"{id_} is {status}")


def test_a_paused_migration_goes_on_when_resumed(world: World) -> None:
    world.requested("pausing", steps=4, duration_ms=2_000)

    paused = world.run("pause", "pausing", "--reason", "lunch")
    resumed = world.run("resume", "pausing")

    assert (paused.code, paused.out) == (0, "pausing: paused\n")
    assert resumed.code == 0, resumed.err
    assert world.run("watch", "pausing", "--timeout", "60").code == 0


def test_an_approval_is_given_or_refused(world: World) -> None:
    for id_ in ("approved", "refused"):
        world.requested(id_, approval=True, steps=8)
        until(world, id_, "awaiting_approval")

    assert world.run("approve", "approved", "--reason", "looked at it").code == 0
    assert world.run("refuse", "refused", "--reason", "not on a Friday").code == 0
    assert world.run("watch", "approved", "--timeout", "60").code == 0
    refused = world.run("watch", "refused", "--timeout", "60", "--json")
    assert (refused.code, refused.json["status"]) == (1, "rolled_back")


def test_a_held_migration_is_retried(world: World) -> None:
    world.requested("held", on_failure="hold", steps=3, fail_at="step_2", fail_times=1, fail_for_good=True)

    held = world.run("watch", "held", "--timeout", "60")
    retried = world.run("retry", "held", "--from-step", "step_1", "--reason", "mended")

    assert held.code == 1
    assert held.out.startswith("failed held")
    assert retried.code == 0, retried.err
    wait_until(lambda: world.run("show", "held", "--json").json.get("round") == 2, "it went back and forward again")


def test_a_dangerous_command_wants_its_name(world: World) -> None:
    world.requested("precious", approval=True, steps=8)

    unasked = world.run("cancel", "precious", "--reason", "x")
    done = world.run("rollback", "precious", "--reason", "x", "--yes")

    assert (unasked.code, done.code) == (2, 0)
    assert "repeat it with --yes" in unasked.err
    assert world.run("watch", "precious", "--timeout", "60", "--json").json["status"] == "rolled_back"


def test_what_the_state_does_not_allow_is_refused_with_the_reason(world: World) -> None:
    world.requested("over", steps=1)
    world.run("watch", "over", "--timeout", "60")

    ended = world.run("pause", "over", "--reason", "x", "--json")

    assert ended.code == 4
    assert ended.json["exit_code"] == 4
    assert "has ended as completed" in ended.err


def test_what_is_not_there_is_said_to_be_missing(world: World) -> None:
    for arguments in (("show", "nothing"), ("watch", "nothing"), ("pause", "nothing", "--reason", "x"), ("dlq", "show", "a_b_0_0")):
        ended = world.run(*arguments)

        assert ended.code == 5, ended.err
        assert ended.err.startswith("error: ")
        assert len(ended.err.splitlines()) == 1


def test_only_the_version_that_was_looked_at_is_changed(world: World) -> None:
    world.requested("versions", approval=True, steps=8)
    until(world, "versions", "awaiting_approval")

    stale = world.run("approve", "versions", "--if-version", "1")

    assert stale.code == 4
    assert "expected version 1" in stale.err
