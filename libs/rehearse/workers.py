"""Migrator and verifier in virtual time: they report what history says such work comes to."""

from typing import TYPE_CHECKING, Any

from libs.contracts.migration.commands import ReportPlan
from libs.contracts.migration.plan import Plan, Step
from libs.contracts.values import Problem
from libs.contracts.work import FAILED, PLAN, SUCCEEDED, ReportWork, Work
from libs.domain.decider import Command
from libs.domain.migration.dispatching import PLANNING
from libs.domain.migration.evolving import STOPPING, plan_from
from libs.rehearse.answering import Sent
from libs.rehearse.fork import MIGRATION, request_of
from libs.rehearse.history import AGAIN, DEAD, OK, SETTLE, Course, Key

if TYPE_CHECKING:
    from libs.rehearse.world import World

BROKEN = Problem(code="rehearsed_failure", category="migration_execution", message="it failed as such steps have failed before")


class Workers:
    """Whoever carries out the work of migrations."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._begun: set[tuple[str, int]] = set()
        self._courses: dict[str, tuple[int, Course]] = {}

    def see(self, migration: str, before: Any, state: Any) -> None:
        """A state has changed: carry out what it asks for and was not begun. Without a state before, it was begun before the fork."""
        if state.mode == STOPPING and (before is None or before.mode != STOPPING):
            for work in state.pending:
                self._call_back(migration, work, state)
        if before is not None and state.pending is before.pending:
            return
        for work in state.pending:
            if (work.work_id, work.attempt) not in self._begun:
                self._begun.add((work.work_id, work.attempt))
                self._begin(migration, work, state, inherited=before is None)

    def _begin(self, migration: str, work: Work, state: Any, *, inherited: bool) -> None:
        now = self._world.agenda.now
        first, course = self._courses.get(work.work_id, (0, ()))
        if not first or work.attempt - first >= len(course):
            provider, step = _what(work, state)
            elapsed = max(0, now - work.not_before) if inherited else 0
            name = work.work_id if not first else f"{work.work_id}#{work.attempt}"
            course = self._world.draws.course(provider, step, work.direction, name, work.attempt if inherited else 1, elapsed)
            self._courses[work.work_id] = first, course = work.attempt, course
        took, outcome = course[work.attempt - first]
        self._world.agenda.later(max(0, work.not_before - now) + took, self._end, migration, work, outcome)

    def _call_back(self, migration: str, work: Work, state: Any) -> None:
        """Work on its way when a migration is stopped comes to rest as soon as such work did."""
        provider, step = _what(work, state)
        drawn = self._world.draws.person(Key(provider, step.name, SETTLE), f"{work.work_id}#{work.attempt}")
        if drawn is not None:
            body = ReportWork(work_id=work.work_id, attempt=work.attempt, outcome=drawn.outcome)
            self._world.agenda.later(drawn.took, self._send, migration, work, body)

    def _end(self, migration: str, work: Work, outcome: str) -> None:
        """An attempt ends, or a person has had enough of it."""
        if outcome in (OK, AGAIN, DEAD):
            self._report(migration, work, outcome)
        elif work in self._world.states[MIGRATION, migration].pending and not self._world.people.do(migration, outcome):
            self._report(migration, work, OK)  # learnt where there was a way back: here it goes on until it is done

    def _report(self, migration: str, work: Work, outcome: str) -> None:
        world = self._world
        body: Any = ReportWork(
            work_id=work.work_id,
            attempt=work.attempt,
            outcome=SUCCEEDED if outcome == OK else FAILED,
            problem=None if outcome == OK else BROKEN,
            retryable=outcome == AGAIN,
        )
        if work.direction == PLAN and outcome != AGAIN:
            provider = request_of(world.states[MIGRATION, migration]).provider
            plan = world.fork.history.plans.get(provider)
            if plan is None and outcome == OK:
                return  # nobody knows what it would plan: it stays as it is, and the answer says so
            rejected = outcome == DEAD
            planned = Plan(provider=provider, steps=()) if rejected or plan is None else plan
            body = ReportPlan(work_id=work.work_id, attempt=work.attempt, plan=planned, problems=(BROKEN,) if rejected else ())
        self._send(migration, work, body)

    def _send(self, migration: str, work: Work, body: Any) -> None:
        world = self._world
        envelope = world.envelope(migration, f"{work.work_id}#{work.attempt}", work.worker)
        world.deliver(Sent(MIGRATION, Command(envelope, body)))


def _what(work: Work, state: Any) -> tuple[str, Step]:
    """Provider and step of a work item."""
    if work.step < 0:
        return request_of(state).provider, PLANNING
    plan = plan_from(state.plan)
    return plan.provider, plan.steps[work.step]
