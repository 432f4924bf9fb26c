"""What a person reads of a wave (O17)."""

from typing import Any

import pytest

from libs.cli.wave_view import shown

WAVE: dict[str, Any] = {
    "id": "second", "status": "waiting", "reason": "", "waitsFor": ["first"], "members": 2, "states": {"planned": 1, "rolled_back": 1},
    "blocked": 0, "failures": 1, "maxFailures": 2, "maxRunning": 0, "limits": [], "after": ["first"], "description": "", "position": "wave:0:1",
}  # fmt: skip


def test_how_many_members_stand_in_which_way_is_said_O17(capsys: pytest.CaptureFixture[str]) -> None:
    shown(WAVE)

    assert capsys.readouterr().out.splitlines() == [
        "status     waiting",
        "waits for  first",
        "members    2: 1 planned, 1 rolled back",
        "failures   1; 2 may",
        "at once    any number",
        "after      first",
        "position   wave:0:1",
    ]


@pytest.mark.parametrize("status", ["rolling_back", "rolled_back", "cancelled", "completed"])
def test_a_wave_that_is_over_waits_for_nobody_O17(status: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown(WAVE | {"status": status})

    assert "waits for" not in capsys.readouterr().out
