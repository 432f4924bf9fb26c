"""Gates on the command line: what one asks for and rests on is shown, and answered (O17, X6)."""

import json

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World, rehearsal
from tests.integration.cli.test_operating_O10 import until


def token(world: World, subject: str, *options: str) -> dict[str, str]:
    issued = world.run("token", "issue", "--subject", subject, *options)
    assert issued.code == 0, issued.err
    return {"WHIMBREL_TOKEN": issued.out.strip()}


def gated(world: World, id_: str, **gate: object) -> None:
    body = json.loads(rehearsal(id_, steps=8, shape="mixed", point_of_no_return=True)) | {"approvals": [{"before": "cutting_over"} | gate]}
    assert world.run("migrate", "file", "-", "--no-wait", given=json.dumps(body)).code == 0
    until(world, id_, "awaiting_approval")


def test_a_gate_is_shown_and_answered_by_whom_it_asks_for_SEC11(world: World) -> None:
    gated(world, "cli-gate", roles=["dba"], quorum=2, mfa=True, wayBackMaxAgeS=86_400)
    p_1, p_2 = (token(world, name, "--role", "approver", "--role", "dba", "--mfa") for name in ("p-1", "p-2"))
    plain = token(world, "p-3", "--role", "approver", "--role", "dba")

    without = world.run("approve", "cli-gate", **plain)
    closed = world.run("approve", "cli-gate", **p_1)
    recorded = world.run("way-back", "cli-gate", "--passed", "--evidence", "rolled back on a copy")
    handed = world.run("delegate", "cli-gate", "--to", "p-3", "--until", "2099-01-01T00:00:00Z", "--reason", "on leave", **p_2)

    assert (without.code, closed.code, recorded.code) == (4, 4, 0)
    assert "second factor" in without.err
    assert "has not been rehearsed" in closed.err
    assert handed.code == 4  # too far ahead
    assert world.run("approve", "cli-gate", "--reason", "looked", **p_1).code == 0
    wait_until(lambda: "by p-1" in world.run("show", "cli-gate").out, "the first approval is shown")
    shown = world.run("show", "cli-gate").out
    for line in (
        "2 different people with the role dba",
        "1 missing",
        "it rests on",
        "step_3",
        "until step_8 begins",
        "rehearsed",
        "passed",
    ):
        assert line in shown, shown
    assert world.run("approve", "cli-gate", **p_2).code == 0
    assert world.run("watch", "cli-gate", "--timeout", "60").code == 0


def test_a_gate_is_waived_only_by_name_O17(world: World) -> None:
    gated(world, "cli-waive", quorum=5)

    asked = world.run("waive", "cli-waive", "--until", "2030-01-01T00:00:00Z", "--reason", "x")
    done = world.run("waive", "cli-waive", "--until", "2030-01-01T00:00:00Z", "--reason", "nobody is awake", "--yes")

    assert (asked.code, done.code) == (2, 0)
    assert world.run("watch", "cli-waive", "--timeout", "60").code == 0
    assert "waived by u-1, not approved" in world.run("events", "cli-waive").out


def test_a_gate_that_cannot_be_read_is_refused_with_an_example(world: World) -> None:
    refused = world.run("plan", "postgres", "--source", "env:A", "--target", "env:B", "--gate", "cutting_over,quorum=two")

    assert refused.code == 2
    assert "--gate cutting_over,quorum=2" in refused.err
