"""Try steps of one's own without any server: the real decider and the real provider, virtual time, and whatever can go wrong.

    clean = drive(steps, parameters={...})
    for fault in every_fault(clean):
        assert drive(steps, parameters={...}, faults=[fault]).status == "completed"

One run takes milliseconds, however long its steps wait. Make the world of the steps anew before each.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from libs.contracts.migration.commands import RollBackMigration
from libs.own_steps.steps import Steps
from libs.testing.own_steps_trial import Fault, Told, Trial
from libs.testing.virtual_time import run

__all__ = ["Fault", "Run", "Told", "drive", "every_fault"]
MOST_CRASHES = 50
"""Awaits of one step at which it is crashed, at most."""


class Run(NamedTuple):
    """What a drive came to."""

    status: str
    """How the migration ended: completed, rolled_back, rollback_stuck, failed or cancelled."""
    events: list[str]
    """Types of the events of its history, in order."""
    evidence: dict[str, dict[str, Any]]
    """Evidence of each step that succeeded."""
    told: list[Told]
    """What the steps were told, in order, with the number of awaits that each took."""
    problems: list[str]
    """Codes of the problems reported, in order."""
    seconds: float
    """Length in virtual time."""


def drive(
    steps: Steps,
    *,
    parameters: dict[str, dict[str, Any]] | None = None,
    source: dict[str, Any] | None = None,
    target: dict[str, Any] | None = None,
    faults: Sequence[Fault] = (),
    roll_back_after: str = "",
    roll_back_s: float = 0.0,
) -> Run:
    """Drive a migration of these steps to its end. `roll_back_s` seconds after the success of the step
    `roll_back_after` an operator goes back.

    Raises AssertionError when the options are refused, or a fault named never struck.
    """
    trial = Trial(steps, parameters or {}, source or {}, target or {}, list(faults))
    wish = RollBackMigration(reason="as the test asks")
    seconds = run(trial.to_its_end(wish, roll_back_after, roll_back_s))
    missed = [fault for fault in trial.faults if fault not in trial.struck]
    assert not missed, f"no such work was told, or it ended earlier: {missed}"
    return Run(trial.status, trial.types, trial.evidence, trial.told, trial.problems, seconds)


def every_fault(clean: Run) -> list[Fault]:
    """Every single fault that the work of a run without any could meet: a crash before each await and before the report, and the rest once each."""
    found: list[Fault] = []
    for told in clean.told:
        found += [Fault("crash", told.step, told.direction, told.chunk, at) for at in range(min(told.awaits + 2, MOST_CRASHES))]
        found += [Fault(kind, told.step, told.direction, told.chunk) for kind in ("duplicate", "silence", "late")]
    return found
