"""Members of a wave begin in the order of what depends on what, within its limits, and not beyond its failure budget (I23, I24)."""

import msgspec
import pytest

from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.wave import DECIDER
from libs.domain.wave.operating import MOST_IN_PAGE, MOST_MEMBERS
from libs.testing.given_when_then import given
from libs.testing.waves import admitted, begun, hear, member, note, noted, planned

A, B, C = member("a"), member("b", "a"), member("c", "a", "b")
BAD = ("rolled_back", "cancelled", "rejected", "failed", "stuck", "undeclared")


# --- planning -------------------------------------------------------------------------------------------------------


def test_a_wave_is_planned_before_anything_else() -> None:
    for early in (c.AddMembers(members=(A,)), c.StartWave(), c.PauseWave(reason="x"), c.CancelWave(reason="x")):
        given(DECIDER).when(early).then_refused("not_found")


@pytest.mark.parametrize(
    "settings",
    [
        {"limits": ("a", "a")},
        {"limits": ("",)},
        {"limits": tuple(map(str, range(33)))},
        {"after": tuple(map(str, range(21)))},
        {"after": ("mig-7",)},
        {"max_failures": -1},
        {"max_running": -1},
    ],
)
def test_conditions_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    given(DECIDER).when(c.PlanWave(settings=msgspec.convert(settings, WaveSettings))).then_refused("invalid_settings")


@pytest.mark.parametrize(
    "members",
    [
        (),
        (A, A),
        (member(""),),
        (member("a", "a"),),
        (member("a", *map(str, range(101))),),
        tuple(member(f"m{n}") for n in range(MOST_IN_PAGE + 1)),
    ],
    ids=["none", "twice", "nameless", "on itself", "on too many", "too many"],
)
def test_a_page_of_members_that_makes_no_sense_is_refused(members: tuple[Member, ...]) -> None:
    planned().when(c.AddMembers(members=members)).then_refused("invalid_members")


def test_a_wave_has_ten_thousand_members_at_most_D6() -> None:
    history = planned()
    for page in range(MOST_MEMBERS // MOST_IN_PAGE):
        members = tuple(member(f"m{page}-{n}") for n in range(MOST_IN_PAGE))
        history = history.when(c.AddMembers(members=members)).then_types(e.MembersAdded)

    history.when(c.AddMembers(members=(A,))).then_refused("wave_full")


def test_a_cycle_is_refused_and_named_I23() -> None:
    history = planned(member("a", "c"), B, member("c", "b"), member("d", "c"))

    answer = history.when(c.StartWave())
    assert "each of these depends on the next, and the last on the first: a, c, b" in answer.events[0].message
    answer.then_refused("invalid_dependencies")


def test_a_dependency_outside_the_wave_is_refused_and_named_I23() -> None:
    answer = planned(A, member("b", "x")).when(c.StartWave())

    assert "b on x" in answer.events[0].message
    answer.then_refused("invalid_dependencies")


def test_a_dependency_outside_the_wave_is_met_by_the_wave_it_comes_after_I23() -> None:
    history = planned(member("b", "x"), after=("w0",)).when(c.StartWave()).then_types(e.WaveStarted)

    history.when(c.NoteWave(wave="w0", outcome="completed")).then(e.PredecessorCompleted(wave="w0"), admitted("b", step=1))


def test_a_wave_without_members_does_not_start() -> None:
    planned().when(c.StartWave()).then_refused("no_members")


# --- order ----------------------------------------------------------------------------------------------------------


def test_a_member_is_admitted_when_all_it_depends_on_are_completed_I23() -> None:
    history = planned(C, B, A).when(c.StartWave(reason="go"))
    history = history.then(e.WaveStarted(members=3, waits_for=(), reason="go"), admitted("a", step=1))

    history = history.when(note("a", "begun")).then(noted("a", "begun"))
    history = history.when(note("a", "completed")).then(noted("a", "completed"), admitted("b", step=2))
    history = history.when(note("b", "completed")).then(noted("b", "completed"), admitted("c", step=3))
    ended = e.WaveCompleted(completed=3, rolled_back=0, cancelled=0, rejected=0)
    history = history.when(note("c", "completed")).then(noted("c", "completed"), ended)
    assert history.state.status == "completed"


@pytest.mark.parametrize("outcome", BAD)
def test_what_ends_otherwise_or_is_held_blocks_those_that_depend_on_it_and_names_them_I23(outcome: str) -> None:
    history = begun(A, B, C, member("d"), max_failures=9)

    answer = history.when(note("a", outcome, "why"))
    assert answer.events == [noted("a", outcome, "why", blocked=("b", "c"))]


@pytest.mark.parametrize("outcome", ["failed", "stuck"])
def test_what_was_blocked_goes_on_once_the_cause_was_tried_again_and_completed_I23(outcome: str) -> None:
    history = hear(begun(A, B), outcome, "a")

    history = history.when(note("a", "running")).then(noted("a", "running"))
    history = history.when(c.ResumeWave()).then(e.WaveResumed(reason=""))
    history.when(note("a", "completed")).then(noted("a", "completed"), admitted("b", step=2))


def test_what_was_blocked_can_be_given_other_dependencies_I23() -> None:
    history = hear(begun(A, B, max_failures=1), "rolled_back", "a")

    anew = (member("a2"), member("b", "a2"))
    history = history.when(c.AddMembers(members=anew)).then(e.MembersAdded(members=anew), admitted("a2", step=2))
    history = hear(history, "begun", "a2").when(note("a2", "completed")).then(noted("a2", "completed"), admitted("b", step=3))


def test_what_was_admitted_cannot_be_given_other_dependencies_I23() -> None:
    begun(A, B).when(c.AddMembers(members=(member("a", "b"),))).then_refused("invalid_members")


def test_members_added_to_a_running_wave_must_leave_it_in_order_I23() -> None:
    history = begun(A, B, C)

    history.when(c.AddMembers(members=(member("b", "c"),))).then_refused("invalid_dependencies")
    history.when(c.AddMembers(members=(member("d", "x"),))).then_refused("invalid_dependencies")
    history.when(c.AddMembers(members=(member("d", "c"), member("e")))).then_types(e.MembersAdded, e.MembersAdmitted)


def test_one_that_declined_is_added_again_with_what_it_depends_on_I23() -> None:
    history = (
        begun(A, member("b"), member("c"), max_failures=1).when(note("b", "undeclared", "on a")).then(noted("b", "undeclared", "on a"))
    )

    again = (member("b", "a"),)
    history = history.when(c.AddMembers(members=again)).then(e.MembersAdded(members=again))
    history.when(note("a", "completed")).then(noted("a", "completed"), admitted("b", step=2))


# --- limits ---------------------------------------------------------------------------------------------------------


def test_no_more_are_on_their_way_than_may_be_I24() -> None:
    history = planned(*(member(f"m{n}") for n in range(5)), max_running=2, max_failures=9).when(c.StartWave())
    history = history.then(e.WaveStarted(members=5, waits_for=(), reason=""), admitted("m0", "m1", step=1))

    history = hear(history, "begun", "m0", "m1").when(note("m0", "failed")).then(noted("m0", "failed"))
    history = history.when(note("m1", "completed")).then(noted("m1", "completed"), admitted("m2", step=2))
    history.when(note("m0", "rolled_back")).then(noted("m0", "rolled_back"), admitted("m3", step=3))


def test_a_wider_limit_takes_effect_while_it_runs_I24() -> None:
    history = begun(*(member(f"m{n}") for n in range(5)), max_running=1)

    wider = WaveSettings(max_running=3)
    history.when(c.PlanWave(settings=wider)).then(e.WavePlanned(settings=wider), admitted("m1", "m2", step=2))


def test_one_decision_admits_fewer_than_a_hundred_and_goes_on_by_itself_D6() -> None:
    history = planned(*(member(f"m{n}") for n in range(150))).when(c.StartWave()).then_types(e.WaveStarted, e.MembersAdmitted)
    assert history.state.members == b"t" * 99 + b"r" * 51

    history = history.when(c.ContinueWave(step=1)).then(admitted(*(f"m{n}" for n in range(99, 150)), step=2))
    history.when(c.ContinueWave(step=1)).then_nothing()


# --- failure budget -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["rolled_back", "rejected", "failed", "stuck", "undeclared"])
def test_more_failures_than_allowed_stop_the_wave_until_a_person_resumes_it_I24(outcome: str) -> None:
    history = begun(*(member(f"m{n}") for n in range(6)), max_failures=1, max_running=3)

    history = hear(history, outcome, "m0")
    history = history.when(note("m1", outcome)).then(noted("m1", outcome), e.WaveStopped(failures=2, max_failures=1))
    history = history.when(note("m2", "completed")).then(noted("m2", "completed"))
    answer = history.when(c.ResumeWave(reason="known fault"))
    assert answer.events[0] == e.WaveResumed(reason="known fault")
    assert [type(event) for event in answer.events[1:]] in ([e.MembersAdmitted], [])
    assert answer.then_something().state.status == "running"


def test_a_cancelled_member_is_no_failure_I24() -> None:
    begun(A, member("b")).when(note("a", "cancelled")).then(noted("a", "cancelled"))


def test_what_was_accepted_and_mended_is_not_accepted_a_second_time_I24() -> None:
    history = hear(begun(A, member("b"), member("d")), "failed", "a").when(c.ResumeWave()).then_something()

    history = hear(history, "running", "a")
    history.when(note("b", "failed")).then(noted("b", "failed"), e.WaveStopped(failures=1, max_failures=0))


def test_a_wave_with_failures_within_its_budget_is_completed() -> None:
    history = hear(begun(A, member("b"), member("d"), max_failures=2), "rolled_back", "a")

    history = hear(history, "cancelled", "b").when(note("d", "completed"))
    history.then(noted("d", "completed"), e.WaveCompleted(completed=1, rolled_back=1, cancelled=1, rejected=0))
