"""A client's command that cannot be carried out leaves an event that says so (D1), whatever it asks."""

import pytest
from msgspec.structs import replace

from libs.contracts.envelope import event_id_of
from libs.contracts.migration import commands as c
from libs.contracts.refusal import CommandRefused
from libs.domain.history import REMEMBERED
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import AGGREGATE, NOW, TENANT, append, envelope_of, given
from libs.testing.migrations import REQUEST, act, planned, started, succeeded

PAUSE = c.PauseMigration(reason="freeze")
WISHES = [
    PAUSE, c.ResumeMigration(), c.CancelMigration(reason="x"), c.RollBackMigration(reason="x"), c.RetryMigration(),
    c.RetryMigration(from_step="copy"), c.SkipCompensation(reason="x"), c.ApproveMigration(), c.RefuseApproval(reason="x"),
]  # fmt: skip


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_an_unknown_migration_refuses_everything_and_gets_no_state_D1_I13(wish: object) -> None:
    unknown = given(DECIDER).when(wish).then_refused("not_found")

    assert unknown.state == DECIDER.initial


def test_the_refusal_of_an_unknown_migration_stands_outside_any_chain_D1() -> None:
    _, [refusal] = append(
        DECIDER, DECIDER.initial, envelope_of("key"), [CommandRefused(command="x", code="y", message="z")], NOW, b"12345678"
    )

    assert (refusal.envelope.version, refusal.envelope.previous) == (0, b"")


@pytest.mark.parametrize("report", [planned(act("copy")), succeeded(0), c.WakeMigration(wake_at=1)], ids=lambda r: type(r).__name__)
def test_reports_to_an_unknown_migration_leave_nothing_D1(report: object) -> None:
    given(DECIDER).when(report).then_nothing()


def test_a_command_for_another_version_is_refused_D2() -> None:
    history = started(act("copy"))

    history.when(PAUSE, expected_version=1).then_refused("version_conflict")
    history.when(PAUSE, expected_version=history.state.stream.version).then_types(type(history.when(PAUSE).events[0]))


def test_an_expected_version_of_an_unknown_migration_is_refused_D2() -> None:
    given(DECIDER).when(PAUSE, expected_version=3).then_refused("version_conflict")


def test_the_same_key_with_the_same_payload_is_answered_once_D2() -> None:
    history = started(act("copy")).when(PAUSE, command_id="key").then_something()

    history.when(PAUSE, command_id="key").then_nothing()


def test_the_same_key_with_another_payload_is_refused_D2() -> None:
    history = started(act("copy")).when(PAUSE, command_id="key").then_something()

    history = history.when(c.PauseMigration(reason="other"), command_id="key").then_refused("key_reused")
    history.when(c.CancelMigration(reason="freeze"), command_id="key").then_refused("key_reused")


def test_a_repeat_is_recognised_before_its_expected_version_is_compared_D2() -> None:
    history = started(act("copy"))
    version = history.state.stream.version
    history = history.when(PAUSE, command_id="key", expected_version=version).then_something()

    history.when(PAUSE, command_id="key", expected_version=version).then_nothing()


def test_the_request_and_the_last_answers_are_remembered_D2() -> None:
    history = given(DECIDER).when(c.RequestMigration(request=REQUEST), command_id="request").then_something()
    for n in range(REMEMBERED):
        history = history.when(c.ResumeMigration(), command_id=f"key-{n}").then_refused("not_possible_now")

    assert len(history.state.stream.answered) == REMEMBERED
    history.when(c.ResumeMigration(), command_id="key-1").then_nothing()
    history.when(c.ResumeMigration(), command_id="key-0").then_refused("not_possible_now")
    history.when(c.RequestMigration(request=REQUEST), command_id="request").then_nothing()


def test_a_refusal_changes_nothing_but_the_stream_D1() -> None:
    history = started(act("copy"))
    refused = history.when(c.ResumeMigration()).then_refused("not_possible_now")

    assert replace(refused.state, stream=history.state.stream) == history.state
    assert refused.state.stream.version == history.state.stream.version + 1


def test_the_id_of_an_event_derives_from_its_cause_and_ordinal_D10() -> None:
    _, [refusal] = append(DECIDER, DECIDER.initial, envelope_of("key"), [CommandRefused(command="x", code="y", message="z")], NOW, b"")

    assert refusal.envelope.event_id == event_id_of(TENANT, AGGREGATE, "key", b"", 0)
    assert event_id_of("acme", "mig-7", "key", b"", 0) == "961b981b188f86e4f4d92a0ca7f0dca6"
