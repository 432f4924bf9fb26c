"""A short drill: servers in waves arrive or go back, whatever is interrupted (O1, O9, O17, O22, R1, R2, R13)."""

from pathlib import Path

import pytest

from deploy.embedded.stack import Stack
from libs.testing.drill.plan import Plan
from libs.testing.drill.report import clean, line
from libs.testing.drill.run import run_on
from libs.testing.drill.stage import staged

PLAN = Plan(servers=12, waves=3, interrupts=4, seed=7, most_s=150)


@pytest.mark.timeout(300)
def test_a_fleet_arrives_or_goes_back_while_everything_is_interrupted(stack: Stack, tmp_path: Path) -> None:
    with staged(stack, "drill", tmp_path, PLAN.seed) as stage:
        ran = run_on(stage, PLAN)

    found = line(ran.story, ran.findings, ran.rehearsed, ran.actual_s)
    assert clean(found, ran.findings), dict(ran.findings.examples)
    assert found["servers"] == PLAN.servers
    assert sum(ran.counted["interrupts"].values()) == PLAN.interrupts
    assert any(count for count in ran.counted["restarts"].values()), "no kill led to a restart"
