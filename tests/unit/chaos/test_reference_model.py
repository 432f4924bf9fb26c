"""The reference model takes a life as the design has it and no other."""

from typing import Any

import pytest

from libs.testing.chaos.reference import Illegal, Model

Event = tuple[str, dict[str, Any]]
STEPS = [{"name": name, "kind": "act", "compensation": f"undo {name}", "chunks": 0} for name in ("one", "two")]
REQUESTED: Event = ("MigrationRequested", {})
PLANNED: Event = ("MigrationPlanned", {"plan": {"steps": STEPS}})


def dispatched(step: int, direction: str, fence: int, attempt: int = 1) -> Event:
    work = {"work_id": f"{step}/{direction}", "direction": direction, "step": step, "round": 1, "fence": fence, "attempt": attempt}
    return "WorkDispatched", {"work": work, "name": STEPS[step]["name"] if step >= 0 else "plan", "point_of_no_return": False}


def succeeded(step: int) -> Event:
    return "StepSucceeded", {"work_id": f"{step}/apply", "step": step}


def undone(step: int) -> Event:
    return "StepCompensated", {"work_id": f"{step}/undo", "step": step, "name": STEPS[step]["name"]}


STOPPED: Event = ("StopRequested", {"intent": "rolled_back", "to_step": 0})
BACK: Event = ("RollbackStarted", {"steps": ["two", "one"]})
BEGUN = [REQUESTED, dispatched(-1, "plan", 1), PLANNED, dispatched(0, "apply", 2)]
BOTH = [*BEGUN, succeeded(0), dispatched(1, "apply", 3), succeeded(1)]


def follow(*events: Event) -> Model:
    model = Model()
    for kind, body in events:
        model.take(kind, body)
    return model


def test_a_migration_that_completes() -> None:
    assert follow(*BOTH, ("MigrationCompleted", {})).outcome == "MigrationCompleted"


def test_a_migration_that_rolls_back() -> None:
    events = (STOPPED, BACK, dispatched(1, "undo", 4), undone(1), dispatched(0, "undo", 5), undone(0), ("MigrationRolledBack", {}))
    assert follow(*BOTH, *events).mode == "ended"


@pytest.mark.parametrize(
    "events",
    [
        [PLANNED],
        [*BEGUN, PLANNED],
        [*BEGUN, succeeded(1)],
        [*BEGUN, ("MigrationCompleted", {})],
        [*BEGUN, dispatched(0, "apply", 3)],
        [*BEGUN, succeeded(0), dispatched(1, "apply", 2)],
        [*BEGUN, succeeded(0), succeeded(0)],
        [*BEGUN, dispatched(0, "undo", 3)],
        [*BOTH, STOPPED, ("RollbackStarted", {"steps": ["one", "two"]})],
        [*BOTH, STOPPED, ("RollbackStarted", {"steps": ["two"]})],
        [*BOTH, STOPPED, BACK, dispatched(0, "undo", 4)],
        [*BOTH, STOPPED, BACK, dispatched(1, "undo", 4), undone(1), ("MigrationRolledBack", {})],
        [*BOTH, STOPPED, BACK, ("MigrationCancelled", {})],
        [*BOTH, ("MigrationCompleted", {}), STOPPED],
    ],
)
def test_what_must_not_follow_is_illegal(events: list[Event]) -> None:
    follow(*events[:-1])
    with pytest.raises(Illegal):
        follow(*events)
