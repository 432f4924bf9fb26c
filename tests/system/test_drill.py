"""A short drill: servers in waves arrive or go back, whatever is interrupted (O1, O9, O17, O22, R1, R2, R13)."""

from pathlib import Path

import pytest

from libs.testing.drill.plan import Plan
from libs.testing.drill.report import line
from libs.testing.drill.run import run_on
from libs.testing.drill.stage import staged
from libs.testing.servers import SharedServers

PLAN = Plan(servers=10, waves=3, interrupts=4, seed=7, most_s=150, patience_s=4)


@pytest.mark.timeout(300)
def test_a_fleet_arrives_or_goes_back_while_everything_is_interrupted(stack: SharedServers, tmp_path: Path) -> None:
    with staged(stack, "drill", tmp_path, PLAN.seed) as stage:
        ran = run_on(stage, PLAN)

    found = line(PLAN.servers, ran.story, ran.findings, ran.rehearsed, ran.actual_s)
    assert ran.findings.clean, dict(ran.findings.examples)
    assert (found["servers"], found["completed"] + found["rolled_back"]) == (PLAN.servers, PLAN.servers)
    assert sum(ran.counted["interrupts"].values()) == PLAN.interrupts
    assert ran.counted["restarts"], "no kill led to a restart"
    # So few servers teach too little to predict the finish; that is judged by the drill of its full size.
    assert (found["rehearsal_hash_stable"], found["log_unchanged_by_rehearsal"]) == (True, True)
