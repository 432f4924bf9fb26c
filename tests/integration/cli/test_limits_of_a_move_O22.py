"""`whimbrel migrate --limit`, `--wave`, `--depends-on`: what the move waits for before it begins (O17, O22)."""

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World


def test_a_move_names_the_capacities_that_it_needs_a_slot_of_O22(world: World) -> None:
    ends = ("--source", "env:NO_SUCH_DSN", "--target", "env:NO_SUCH_DSN", "--no-wait")
    asked = world.run("migrate", "postgres", *ends, "--id", "limited", "--limit", "calendar/prod", "--limit", "rate/starts")
    wrong = world.run("migrate", "postgres", *ends, "--limit", "Prod")

    assert asked.code == 0, asked.err
    wait_until(lambda: world.run("show", "limited", "--json").code == 0, "it is there")
    assert world.run("show", "limited", "--json").json["limits"] == ["calendar/prod", "rate/starts"]
    assert "calendar/prod, rate/starts" in world.run("show", "limited").out
    assert (wrong.code, "give a kind, a slash and a name" in wrong.err) == (2, True)


def test_a_move_names_its_wave_and_what_it_depends_on_O17(world: World) -> None:
    ends = ("--source", "env:NO_SUCH_DSN", "--target", "env:NO_SUCH_DSN", "--no-wait")
    asked = world.run("migrate", "postgres", *ends, "--id", "ordered", "--wave", "shops", "--depends-on", "db", "--depends-on", "cache")
    alone = world.run("migrate", "postgres", *ends, "--id", "alone", "--depends-on", "db")

    assert asked.code == 0, asked.err
    wait_until(lambda: world.run("show", "ordered", "--json").code == 0, "it is there")
    found = world.run("show", "ordered", "--json").json
    assert (found["wave"], found["dependsOn"]) == ("shops", ["db", "cache"])
    assert (alone.code, "needs a wave" in alone.err) == (2, True), alone.err
