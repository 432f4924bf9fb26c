"""A migration that has ended leaves live state after a while; a headstone stays, and its history goes on from there (O12, D8, I28)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.avro import encode_value
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Command
from libs.domain.history import REMEMBERED
from libs.domain.migration import DECIDER
from libs.domain.migration.archiving import LONGEST_RETENTION_S, RETENTION_S
from libs.testing.examples import PROBLEM
from libs.testing.given_when_then import NOW, SECOND, History, given
from libs.testing.migrations import REQUEST, act, planned, succeeded
from libs.testing.simulator.chance import Chance
from libs.testing.simulator.invariants import HEADSTONE_BYTES
from libs.testing.simulator.simulation import Simulation

HOUR_S = 3_600
ASKED = c.RequestMigration(request=replace(REQUEST, retention_seconds=HOUR_S))
LATER = NOW + HOUR_S * SECOND
WISHES: tuple[Any, ...] = (
    c.PauseMigration(reason="x"),
    c.ResumeMigration(),
    c.CancelMigration(reason="x"),
    c.RollBackMigration(reason="x"),
    c.RetryMigration(),
    c.RetryMigration(from_step="copy"),
    c.SkipCompensation(reason="x"),
    c.ApproveMigration(),
    c.RefuseApproval(reason="x"),
)


def ended(asked: c.RequestMigration = ASKED) -> History:
    history = given(DECIDER).when(asked, now=NOW, command_id="request-1").then_something().when(planned(act("copy")), now=NOW)
    return history.then_something().when(succeeded(0), now=NOW).then_types(e.StepSucceeded, e.MigrationCompleted)


def archived() -> History:
    return ended().when(c.WakeMigration(wake_at=LATER), now=LATER).then(e.MigrationArchived(ended_as="completed"))


def test_what_ends_says_when_it_is_archived_D8() -> None:
    standard = ended(c.RequestMigration(request=REQUEST)).state

    assert (ended().state.wake_at, standard.wake_at) == (LATER, NOW + RETENTION_S * SECOND)


@pytest.mark.parametrize("command", [c.CancelMigration(reason="x"), planned(problems=(PROBLEM,))])
def test_every_end_is_archived_I28(command: Any) -> None:
    history = given(DECIDER).when(ASKED, now=NOW).then_something().when(command, now=NOW).then_something()

    history.when(c.WakeMigration(wake_at=LATER), now=LATER).then_types(e.MigrationArchived)


def test_it_is_not_archived_before_its_time_nor_by_another_wake_D8() -> None:
    ended().when(c.WakeMigration(wake_at=LATER), now=LATER - 1).then_nothing()
    ended().when(c.WakeMigration(wake_at=LATER - 1), now=LATER).then_nothing()
    archived().when(c.WakeMigration(wake_at=LATER)).then_nothing()


@pytest.mark.parametrize("seconds", [-1, LONGEST_RETENTION_S + 1])
def test_a_retention_beyond_what_is_possible_is_refused_O12(seconds: int) -> None:
    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, retention_seconds=seconds))).then_refused("invalid_retention")


def test_a_headstone_is_small_whatever_the_migration_was_I28() -> None:
    history = ended()
    for _ in range(70):
        history = history.when(c.PauseMigration(reason="x"), now=NOW).then_something()
    before = len(encode_value(history.state))
    history = history.when(c.WakeMigration(wake_at=LATER), now=LATER).then_something()

    assert (before > 1_000, len(encode_value(history.state)) <= HEADSTONE_BYTES) == (True, True)
    assert (history.state.stream.version, len(history.state.stream.head), history.state.wake_at) == (77, 32, 0)


def test_a_late_repeat_of_the_request_leaves_nothing_D2() -> None:
    archived().when(ASKED, command_id="request-1").then_nothing()


def asked_often(history: History) -> History:
    for _ in range(2 * REMEMBERED):
        history = history.when(c.PauseMigration(reason="x"), after=0).then_something()
    return history


def test_it_is_known_again_however_much_was_asked_before_and_after_it_was_archived_D2() -> None:
    before = asked_often(ended()).when(c.WakeMigration(wake_at=LATER), now=LATER).then(e.MigrationArchived(ended_as="completed"))
    after = asked_often(before)

    for history in (before, after):
        history.when(ASKED, command_id="request-1").then_nothing()
    assert len(after.state.stream.answered) == REMEMBERED


def test_another_payload_under_its_key_is_refused_D2() -> None:
    other = c.RequestMigration(request=replace(REQUEST, application="another"))

    archived().when(other, command_id="request-1").then_refused("key_reused")
    archived().when(c.PauseMigration(reason="x"), command_id="request-1").then_refused("key_reused")
    archived().when(other).then_refused("already_exists")


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_whatever_is_asked_of_it_is_refused_and_the_history_goes_on_O12(wish: Any) -> None:
    before = archived()
    after = before.when(wish).then_refused("archived")

    assert after.state.stream.version == before.state.stream.version + 1
    assert after.state.mode == "archived"
    after.when(ASKED, command_id="request-1").then_nothing()


def test_late_reports_admissions_and_slots_leave_nothing_D2() -> None:
    for late in (succeeded(0), planned(act("copy")), g.AdmitMigration(turn=1), g.TakeSlot(capacity="a/b", turn=1)):
        archived().when(late).then_nothing()
    archived().when(g.LoseSlot(capacity="a/b", turn=0, reason="x")).then_nothing()


def test_in_every_seed_late_duplicates_around_the_archive_leave_nothing_and_wishes_one_refusal_R8() -> None:
    for seed in range(60):
        simulation = Simulation(seed, fleet=bool(seed % 2), migrations=3)
        simulation.run()
        log, chance = simulation.log, Chance(seed)
        lived = [one.command for one in log.decided if one.kind == "migration" and log.state(one.command.envelope.aggregate).stream.version]
        for number in range(40):
            command, began = chance.pick(tuple(lived)), len(log.entries)
            wish = type(command.body) in DECIDER.client_commands and type(command.body) is not c.RequestMigration
            if wish:  # of those only the first is known again, so this one is a new one, sent late
                command = Command(replace(command.envelope, command_id=f"late-{number}", expected_version=-1), command.body)
            log.decide(command, simulation.now)
            log.commit()
            log.decide(command, simulation.now)
            log.commit()
            answered = [entry.body for entry in log.entries[began:]]
            assert [(type(body), body.code) for body in answered] == ([(CommandRefused, "archived")] if wish else []), (seed, command)
