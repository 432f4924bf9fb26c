"""A migration is asked for: it is planned before anything is touched."""

import pytest
from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.values import END_OF_TIME
from libs.contracts.work import PLAN, VERIFIER, Work
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import ACTOR, NOW, SECOND, given
from libs.testing.migrations import PLANNING, REQUEST, act, planned, requested, started

REQUEST_IT = c.RequestMigration(request=REQUEST)
ASKED = e.MigrationRequested(request=REQUEST, requested_by=ACTOR)
PLAN_WORK = Work(
    work_id=PLANNING,
    worker=VERIFIER,
    step=-1,
    chunk="-",
    direction=PLAN,
    round=1,
    fence=1,
    attempt=1,
    not_before=NOW,
    deadline=NOW + 120 * SECOND,
)
PLAN_IT = e.WorkDispatched(work=PLAN_WORK, name="plan", phase="checking", point_of_no_return=False)


def test_a_request_is_planned_by_the_verifier_before_anything_is_touched_O1() -> None:
    given(DECIDER).when(REQUEST_IT, now=NOW).then(ASKED, PLAN_IT)


def test_a_second_request_under_another_key_is_refused_D2() -> None:
    requested().when(REQUEST_IT).then_refused("already_exists")


def test_a_request_for_a_migration_that_has_ended_is_refused_D2() -> None:
    ended = requested().when(c.CancelMigration(reason="mistake")).then(e.MigrationCancelled(reason="mistake", skipped=0))

    ended.when(REQUEST_IT).then_refused("already_exists")


def test_a_request_while_it_runs_is_refused_D2() -> None:
    started(act("copy")).when(REQUEST_IT).then_refused("already_exists")


def test_the_same_request_with_the_same_key_is_answered_once_O9() -> None:
    first = given(DECIDER).when(REQUEST_IT, command_id="key-1").then_something()

    first.when(REQUEST_IT, command_id="key-1").then_nothing()


def test_dependencies_without_a_wave_are_refused_with_the_remedy_O1() -> None:
    asked = given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, wave="", depends_on=("mig-1",))))

    asked.then_refused("depends_on_without_wave")
    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, wave="w1", depends_on=("mig-1",)))).then_something()


@pytest.mark.parametrize("due_at", [-1, END_OF_TIME])
def test_a_due_date_that_no_answer_could_show_is_refused_O1(due_at: int) -> None:
    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, due_at=due_at))).then_refused("invalid_due_at")


def test_the_plan_is_frozen_and_its_first_step_begins_D5() -> None:
    history = requested().when(planned(act("copy"))).then_types(e.MigrationPlanned, e.WorkDispatched)

    history.when(planned(act("other"))).then_nothing()
