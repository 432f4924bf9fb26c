"""`whimbrel why`: what holds a migration up, in one line a cause, with whom to ask (X12)."""

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World


def until(world: World, id_: str, code: str) -> None:
    """Wait until this is the first cause."""

    def found() -> bool:
        ended = world.run("why", id_, "--json")
        return ended.code == 0 and ended.json["causes"][0]["code"] == code

    wait_until(found, f"{id_} is held up by {code}")


def test_an_approval_and_who_is_to_be_asked_X12(world: World) -> None:
    world.requested("why-approval", approval=True, steps=8)
    until(world, "why-approval", "approval")
    shown = world.run("why", "why-approval")
    found = world.run("why", "why-approval", "--json").json

    assert shown.code == 0, shown.err
    assert "waits for a person to approve what follows" in shown.out
    assert "role operator" in shown.out
    assert world.run("approve", "why-approval", "--reason", "looked").code == 0
    until(world, "why-approval", "ended")
    then = world.run("why", "why-approval", "--at", found["position"], "--json").json
    assert then["causes"] == found["causes"]


def test_what_failed_and_what_is_paused_X12(world: World) -> None:
    world.requested("why-failed", on_failure="hold", steps=3, fail_at="step_2", fail_times=1, fail_for_good=True)
    until(world, "why-failed", "failed")
    world.requested("why-paused", steps=4, duration_ms=2_000)
    assert world.run("pause", "why-paused", "--reason", "lunch").code == 0
    until(world, "why-paused", "paused")

    assert "step_2 failed and is held for an operator" in world.run("why", "why-failed").out
    assert "it was paused by u-1: lunch" in world.run("why", "why-paused").out


def test_what_there_is_not_is_one_line_X12(world: World) -> None:
    ended = world.run("why", "nothing-here")

    assert (ended.code, len(ended.err.splitlines())) == (5, 1)


def test_a_whole_wave_with_what_matters_most_first_X12(world: World) -> None:
    world.run("wave", "plan", "why-wave")
    world.run("wave", "add", "why-wave", "why-w-1", "why-w-2:why-w-1")
    wait_until(lambda: world.run("wave", "show", "why-wave", "--json").json.get("members") == 2, "the members are there")
    shown, found = world.run("why", "--wave", "why-wave"), world.run("why", "--wave", "why-wave", "--json").json

    assert shown.code == 0, shown.err
    assert "the wave why-wave is planned and not started" in shown.out
    assert "why-wave is planned; members that have not ended: 2 not_requested; ended: 0" in shown.out
    assert [one["migration"] for one in found["items"]] == ["why-w-1", "why-w-2"]
    for wrong in (("why",), ("why", "why-w-1", "--wave", "why-wave"), ("why", "--wave", "why-wave", "--at", "2026-01-01T00:00:00Z")):
        ended = world.run(*wrong)
        assert (ended.code, len(ended.err.splitlines())) == (2, 1)
