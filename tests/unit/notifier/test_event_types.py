"""The names under which subscribers know events, and the patterns that ask for them (O8)."""

import pytest

from libs.contracts.catalogue import EVENT, MESSAGES
from libs.contracts.migration import events as e
from libs.telling.event_types import CALLBACK_NAMES, ENDS, NAMES, UNPUBLISHED, matches, wanted_name


def test_every_event_of_a_migration_is_either_published_or_left_out_on_purpose() -> None:
    events = {message.model for message in MESSAGES if message.topic == "migration.events" and message.role == EVENT}

    assert NAMES.keys() | UNPUBLISHED == events
    assert not NAMES.keys() & UNPUBLISHED


def test_no_name_means_two_events() -> None:
    names = [name for several in NAMES.values() for name in several]

    assert len(names) == len(set(names))
    assert all(name.startswith("migration.") for name in names)


def test_callbacks_tell_every_end_under_a_name_that_subscribers_know_too() -> None:
    assert CALLBACK_NAMES.keys() >= ENDS
    assert all(name in NAMES[event] for event, name in CALLBACK_NAMES.items())


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("migration.completed", "migration.completed", True),
        ("migration.completed", "migration.completed.more", False),
        ("migration.*", "migration.step.completed", True),
        ("migration.step.*", "migration.completed", False),
        ("*", "migration.completed", True),
        ("migration.roll*", "migration.rolled_back", True),
        ("mig*ation", "migration", False),
    ],
)
def test_a_trailing_star_means_every_name_that_begins_so(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_a_failed_step_is_told_under_the_name_that_was_asked_for() -> None:
    assert wanted_name(["migration.failed"], e.StepFailed) == "migration.failed"
    assert wanted_name(["migration.step.*"], e.StepFailed) == "migration.step.failed"
    assert wanted_name(["*"], e.StepFailed) == "migration.step.failed"
    assert wanted_name(["*"], e.WorkDispatched) == ""
