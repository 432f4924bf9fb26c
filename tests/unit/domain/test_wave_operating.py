"""A whole wave is paused, resumed, cancelled and rolled back; and what crosses on the way is not lost (O10, X5)."""

import pytest
from msgspec.structs import replace

from libs.contracts.migration.rewinding import RewindCompleted
from libs.contracts.migration.state import Gates, MigrationState
from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.domain.policies import POLICIES
from libs.domain.policy import To
from libs.domain.wave import DECIDER
from libs.domain.wave.views import Blocked, blocked_of, order_of, overview_of, rollback_plan
from libs.testing.examples import EVENT_ENVELOPE
from libs.testing.given_when_then import given
from libs.testing.waves import admitted, begun, hear, member, note, noted, planned, told

A, B, C = member("a"), member("b"), member("c", "a")
PAUSE, CANCEL, BACK = c.PauseWave(reason="x"), c.CancelWave(reason="x"), c.RollBackWave(reason="x")


# --- pause and resume -----------------------------------------------------------------------------------------------


def test_a_pause_pauses_those_on_their_way_and_admits_nobody_O10() -> None:
    history = begun(A, B, C).when(PAUSE).then(e.WavePaused(reason="x"), told("pause", "a", "b", step=2, cursor=3))
    history = history.when(note("a", "completed")).then(noted("a", "completed"))

    history = history.when(c.ResumeWave(reason="ok"))
    history.then(e.WaveResumed(reason="ok"), told("resume", "b", step=3, cursor=3, reason="ok"), admitted("c", step=4))


def test_one_that_begins_while_the_wave_is_paused_is_paused_too_O10() -> None:
    history = planned(A).when(c.StartWave()).then_something().when(PAUSE).then(e.WavePaused(reason="x"))

    history.when(note("a", "begun")).then(noted("a", "begun"), told("pause", "a", step=2))


def test_more_than_a_hundred_are_told_page_by_page_D6() -> None:
    members = [member(f"m{n}") for n in range(150)]
    history = planned(*members).when(c.StartWave()).then_something().when(c.ContinueWave(step=1)).then_something()
    history = hear(history, "begun", *(member.migration for member in members))

    history = history.when(PAUSE).then_types(e.WavePaused, e.MembersTold)
    assert history.state.order == "pause"
    history = history.when(c.ContinueWave(step=3)).then(told("pause", *(f"m{n}" for n in range(99, 150)), step=4, cursor=150))
    assert history.state.order == ""
    history.when(c.ContinueWave(step=3)).then_nothing()


def test_a_pause_of_one_that_is_stopped_or_waits_O10() -> None:
    stopped = hear(begun(A, B), "failed", "a")
    assert stopped.state.status == "stopped"
    stopped.when(PAUSE).then(e.WavePaused(reason="x"), told("pause", "b", step=2, cursor=2))

    waits = planned(A, after=("w0",)).when(c.StartWave()).then_types(e.WaveStarted)
    waits = waits.when(PAUSE).then(e.WavePaused(reason="x")).when(c.ResumeWave()).then(e.WaveResumed(reason=""))
    assert waits.state.status == "waiting"


# --- what crosses on the way ----------------------------------------------------------------------------------------


def test_one_that_was_not_there_when_it_was_admitted_is_told_again_I25() -> None:
    history = planned(A).when(c.StartWave()).then_something()

    history.when(note("a", "waiting")).then(noted("a", "waiting"), admitted("a", step=2)).when(note("a", "begun")).then_nothing()


def test_one_that_turns_up_while_the_wave_is_paused_is_told_again_later_I25() -> None:
    history = planned(A).when(c.StartWave()).then_something().when(PAUSE).then_something()

    history = history.when(note("a", "waiting")).then(noted("a", "waiting"))
    history.when(c.ResumeWave()).then(e.WaveResumed(reason=""), admitted("a", step=2))


def test_what_ended_before_it_was_added_counts_once_it_is_added_I25() -> None:
    history = given(DECIDER).when(note("a", "rejected", "no route")).then(noted("a", "rejected", "no route"))

    history = history.when(c.PlanWave(settings=planned().state.settings)).then_something()
    history = history.when(c.AddMembers(members=(A, C))).then_something()
    history = history.when(c.StartWave()).then_types(e.WaveStarted, e.WaveStopped)
    assert blocked_of(history.state)[0][:2] == ("c", "a")


@pytest.mark.parametrize("outcome", ["waiting", "begun", "failed", "stuck", "undeclared", "running", "refused"])
def test_strangers_and_those_that_have_ended_change_nothing(outcome: str) -> None:
    history = hear(begun(A, B), "completed", "a")

    history.when(note("a", outcome)).then_nothing()
    history.when(note("x", outcome)).then_nothing()


# --- cancel ---------------------------------------------------------------------------------------------------------


def test_a_cancel_cancels_whatever_has_not_ended_O10() -> None:
    history = hear(begun(A, B, C, member("d"), max_failures=2), "completed", "a")
    history = hear(history, "failed", "b")

    history = history.when(CANCEL).then(e.WaveCancelled(reason="x"), told("cancel", "b", "c", "d", step=3, cursor=4))
    history = history.when(note("c", "cancelled")).then(noted("c", "cancelled"))
    history.when(c.ResumeWave()).then_refused("not_possible_now")


def test_one_that_turns_up_after_the_cancel_is_cancelled_O10() -> None:
    history = planned(A).when(CANCEL).then(e.WaveCancelled(reason="x"), told("cancel", "a", step=1, cursor=1))

    history.when(note("a", "waiting")).then(noted("a", "waiting"), told("cancel", "a", step=2))


# --- roll back ------------------------------------------------------------------------------------------------------


def test_a_rollback_rolls_back_those_on_their_way_and_ends_when_all_are_at_rest_X5() -> None:
    history = hear(begun(A, B, C, member("d"), member("e"), max_failures=9), "completed", "a")
    history = hear(hear(history, "failed", "b"), "begun", "c")

    history = history.when(BACK)
    history = history.then(e.WaveRollbackStarted(reason="x", members=4), told("roll_back", "b", "c", "d", "e", step=3, cursor=5))
    history = hear(history, "rolled_back", "b", "c")
    history = history.when(note("e", "refused", "past the point of no return")).then_something()
    history = history.when(note("d", "stuck")).then_something().when(note("d", "running")).then_something()
    history = history.when(note("d", "rolled_back")).then(noted("d", "rolled_back"), e.WaveRolledBack(rolled_back=3, completed=1))
    history.when(note("e", "completed")).then(noted("e", "completed"))


def test_a_rollback_is_not_over_while_one_that_had_failed_meanwhile_goes_back_X5() -> None:
    history = begun(A, B).when(BACK).then_types(e.WaveRollbackStarted, e.MembersTold)

    history = history.when(note("a", "failed")).then_nothing().when(note("b", "rolled_back")).then(noted("b", "rolled_back"))
    assert history.state.status == "rolling_back"
    history.when(note("a", "rolled_back")).then(noted("a", "rolled_back"), e.WaveRolledBack(rolled_back=2, completed=0))


@pytest.mark.parametrize(
    ("mode", "intent"), [("stopping", "rolled_back"), ("rolling_back", "cancelled"), ("stuck", "rolled_back"), ("stopping", "retry")]
)
def test_one_that_goes_back_by_itself_is_waited_for_like_those_that_were_told_X5(mode: str, intent: str) -> None:
    assert _refused_by(MigrationState(mode=mode, intent=intent, gates=Gates(wave="w"))) == []


@pytest.mark.parametrize(("mode", "intent"), [("running", ""), ("held", "")])
def test_one_that_goes_forward_all_the_same_says_so_to_its_wave_X5(mode: str, intent: str) -> None:
    [(kind, wave, command)] = _refused_by(MigrationState(mode=mode, intent=intent, gates=Gates(wave="w")))

    assert (kind, wave, command) == ("wave", "w", note("mig-7", "refused", "no"))


def _refused_by(state: MigrationState) -> list[To]:
    refused = CommandRefused(command="RollBackMigration", code="not_possible_now", message="no")
    envelope = replace(EVENT_ENVELOPE, actor="policy:tell-members", aggregate="mig-7")
    return list(POLICIES[CommandRefused].react(refused, envelope, state))


def test_one_that_failed_and_went_back_to_a_step_is_on_its_way_again_O10() -> None:
    state = MigrationState(mode="running", gates=Gates(wave="w"))
    [(_, _, command)] = POLICIES[RewindCompleted].react(RewindCompleted(step=1, round=2), EVENT_ENVELOPE, state)

    history = hear(begun(A, B, max_failures=1), "failed", "a").when(replace(command, migration="a")).then(noted("a", "running"))
    history.when(PAUSE).then(e.WavePaused(reason="x"), told("pause", "a", "b", step=2, cursor=2))


def test_one_that_begins_after_the_rollback_is_rolled_back_too_X5() -> None:
    history = planned(A).when(c.StartWave()).then_something()
    history = history.when(BACK).then(e.WaveRollbackStarted(reason="x", members=0), e.WaveRolledBack(rolled_back=0, completed=0))

    history = history.when(note("a", "begun")).then(noted("a", "begun"), told("roll_back", "a", step=2))
    history.when(note("a", "rolled_back")).then(noted("a", "rolled_back"))


def test_the_plan_of_a_rollback_says_of_everyone_what_becomes_of_it_X5() -> None:
    history = hear(begun(A, B, C, member("d"), member("e", "b"), max_failures=9), "completed", "a")
    history = hear(hear(history, "rolled_back", "d"), "begun", "c")
    plan = rollback_plan(history.state)

    assert plan.told == ("c", "b")
    assert dict(plan.stays) == {
        "a": "completed; what is completed stays",
        "d": "rolled back already",
        "e": "not begun; it is not admitted any more",
    }
    [ordered] = [event for event in history.when(BACK).events if type(event) is e.MembersTold]
    assert set(ordered.migrations) == set(plan.told)


# --- one wave after another -----------------------------------------------------------------------------------------


def test_a_wave_waits_for_those_before_it() -> None:
    history = planned(A, after=("w0", "w1")).when(c.StartWave())
    history = history.then(e.WaveStarted(members=1, waits_for=("w0", "w1"), reason=""))
    history = history.when(c.NoteWave(wave="w1", outcome="completed")).then(e.PredecessorCompleted(wave="w1"))
    assert history.state.status == "waiting"

    history.when(c.NoteWave(wave="w0", outcome="completed")).then(e.PredecessorCompleted(wave="w0"), admitted("a", step=1))


def test_a_wave_remembers_who_waits_for_it_even_before_it_is_planned() -> None:
    history = given(DECIDER).when(c.NoteWave(wave="w2", outcome="waits")).then(e.WaveFollowed(wave="w2"))

    assert history.state.followers == ("w2",)
    history.when(c.NoteWave(wave="w2", outcome="waits")).then_nothing()


# --- what people are shown ------------------------------------------------------------------------------------------


def test_the_order_is_shown_level_by_level() -> None:
    history = planned(member("d", "b", "c"), member("c", "a"), member("b", "a"), A)

    assert order_of(history.state) == [["a"], ["c", "b"], ["d"]]


def test_who_is_blocked_by_whom_is_shown_with_what_to_do_X12() -> None:
    history = hear(begun(A, C, member("d", "c"), member("e"), max_failures=3), "failed", "a")
    why = "has failed and is held: retry it or roll it back"

    assert blocked_of(history.state) == [Blocked("c", "a", why), Blocked("d", "a", why)]
    overview = overview_of(history.state)
    assert (overview.blocked, overview.failures, overview.members) == (2, 1, {"planned": 2, "failed": 1, "running": 1})
