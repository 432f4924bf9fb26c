"""A gate as it is given on the command line, and as `whimbrel show` tells of it (O17, X6)."""

from typing import Any

import pytest
from typer.testing import CliRunner

from libs.cli import gate_view
from libs.cli.app import application
from libs.cli.approval_options import gate_of, terms
from libs.cli.errors import CliError, Exit
from libs.cli.story import micros
from libs.contracts.migration.approvals import ApprovalTerms

GIVEN = "cutting_over,quorum=2,role=dba,role=board,mfa,expires=60,answer-within=90,way-back=30"
BACK: dict[str, Any] = {
    "pointOfNoReturn": {"step": 3, "name": "drop", "title": ""},
    "crossed": False,
    "open": True,
    "stepsLeft": 1,
    "until": "2026-01-01T01:00:00.000000Z",
    "rehearsal": None,
}


def test_a_gate_says_everything_that_the_api_takes_O17() -> None:
    expected = ApprovalTerms(
        before="cutting_over", roles=("dba", "board"), quorum=2, mfa=True, expires_s=60, answer_within_s=90, way_back_max_age_s=30
    )

    assert terms([GIVEN, "drop"]) == (expected, ApprovalTerms(before="drop"))


@pytest.mark.parametrize("wrong", ["x,quorum=two", "x,role=", "x,colour=red", "x,quorum=-1", "x,", "x,mfa=no"])
def test_what_cannot_be_read_is_named_with_an_example(wrong: str) -> None:
    with pytest.raises(CliError, match="--gate"):
        gate_of(wrong)


def test_how_a_rehearsal_ended_is_never_left_to_a_default_X6() -> None:
    said = CliRunner().invoke(application(), ["way-back", "mig-7", "--evidence", "rolled back on a copy"])

    assert said.exit_code == Exit.USAGE
    assert "--passed" in said.output


def shown(**back: Any) -> dict[str, str]:
    return dict(gate_view.way_back({"ended": False, "steps": 4, "reversibility": BACK | back}))


def test_the_way_back_is_told_with_its_end_X6() -> None:
    assert shown() == {"way back": "until drop begins, after 1 more step, not before 2026-01-01 01:00:00", "rehearsed": "never"}
    assert shown(crossed=True, open=False) == {"way back": "none: drop was begun"}
    assert shown(pointOfNoReturn=None, stepsLeft=None)["way back"] == "until its end"


def test_a_failed_rehearsal_is_told_with_its_event_X6() -> None:
    last = {"passed": False, "at": "2026-01-01T00:00:00.000000Z", "by": "mig-8", "reason": "it is stuck", "event": "0a"}

    assert shown(rehearsal=last)["rehearsed"] == "FAILED 2026-01-01 00:00:00, by mig-8: it is stuck (event 0a)"


GATE: dict[str, Any] = {
    "name": "go", "quorum": 2, "missing": 1, "roles": [], "mfa": False, "wayBackMaxAgeS": 3600, "evidenceVersion": 4, "answerBy": None,
    "approvals": [], "delegations": [], "waiver": None,
}  # fmt: skip


def closed(seconds_later: int, gate: dict[str, Any] | None = None, **last: Any) -> str:
    """Why the gate is closed, so long after a rehearsal that passed."""
    rehearsal = {"passed": True, "at": "2026-01-01T00:00:00.000000Z", "by": "mig-8", "reason": "", "event": "0a"} | last
    found = {"gate": GATE | (gate or {}), "evidence": [], "reversibility": BACK | {"rehearsal": rehearsal}}
    return dict(gate_view.lines(found, micros("2026-01-01T00:00:00Z") + seconds_later * 1_000_000))["closed"]


def test_a_gate_that_is_closed_says_why_X6() -> None:
    assert closed(3_599) == ""
    assert "older than 3,600 s (event 0a)" in closed(3_600)
    assert "failed (event 0a)" in closed(0, passed=False)
    assert closed(3_600, {"missing": 0}) == ""
    assert closed(3_600, {"wayBackMaxAgeS": 0}) == ""


def test_of_one_that_has_ended_nothing_is_told_X6() -> None:
    assert gate_view.way_back({"ended": True, "reversibility": BACK}) == []
