"""Workers that read state and report: they crash, freeze, fail, repeat, and start again from state."""

from typing import TYPE_CHECKING, Any

from libs.contracts.migration.commands import ReportPlan
from libs.contracts.values import Problem
from libs.contracts.waking import WAKES
from libs.contracts.work import APPLY, FAILED, MIGRATOR, PLAN, STOPPED, SUCCEEDED, UNDO, VERIFIER, ReportWork, Work
from libs.domain.migration.evolving import STOPPING, plan_from
from libs.testing.simulator.faults import MS, SECOND
from libs.testing.simulator.invariants import hold
from libs.testing.simulator.log import MIGRATION
from libs.testing.simulator.plans import random_plan

if TYPE_CHECKING:
    from libs.testing.simulator.simulation import Simulation

BROKEN = Problem(code="broken", category="migration_execution", message="it broke")
WAKE_AGAIN = 60 * SECOND


class Worker:
    """What migrator and verifier have in common: a to-do list that is nothing but the latest state."""

    name = ""

    def __init__(self, simulation: "Simulation") -> None:
        self.sim = simulation
        self._begun: set[tuple[str, int]] = set()

    def see(self, aggregate: str, kind: str = MIGRATION) -> None:
        """A state record has arrived: begin what it asks of this worker and was not begun."""
        for work in self.sim.log.state(aggregate).pending if kind == MIGRATION else ():
            if work.worker == self.name and (work.work_id, work.attempt) not in self._begun:
                self._begun.add((work.work_id, work.attempt))
                delay = max(0, work.not_before - self.sim.now) + self.sim.chance.between(MS, 2 * SECOND)
                self.sim.later(delay, self._carry_out, aggregate, work)

    def _carry_out(self, aggregate: str, work: Work) -> None:
        sim = self.sim
        state = sim.log.state(aggregate)
        if work not in state.pending:
            return
        if sim.goes_wrong(sim.faults.zombie):
            sim.later(sim.chance.between(SECOND, 200 * SECOND), self._do, aggregate, work, False)
            self._begin_again(aggregate, work)
        elif sim.goes_wrong(sim.faults.crash):
            if sim.chance.happens(0.5):
                self.effect(aggregate, work)
            self._begin_again(aggregate, work)
        else:
            self._do(aggregate, work, True, state.mode == STOPPING and work.direction == APPLY)

    def _begin_again(self, aggregate: str, work: Work) -> None:
        self._begun.discard((work.work_id, work.attempt))
        down = 120 * SECOND if self.sim.chance.happens(0.3) else 2 * SECOND
        self.sim.later(down, self.see, aggregate)

    def _do(self, aggregate: str, work: Work, live: bool, stopping: bool = False) -> None:
        sim = self.sim
        fails = sim.goes_wrong(sim.faults.failure)
        stops = stopping and sim.chance.happens(0.5)
        if not (fails or stops) or sim.chance.happens(sim.faults.half_done):
            done = self.effect(aggregate, work)
            hold("I19", done or not live, f"{work.work_id}#{work.attempt} is the work in hand, and was refused for its fence {work.fence}")
            if not done:
                fails = True
        outcome = STOPPED if stops else FAILED if fails else SUCCEEDED
        retryable = not (fails and sim.chance.happens(sim.faults.final_failure))
        sim.later(sim.chance.between(0, MS), self._report, aggregate, work, outcome, retryable)

    def effect(self, aggregate: str, work: Work) -> bool:
        """Bring the effect about, or find that the fence is too low: False."""
        if work.direction not in (APPLY, UNDO):
            return True
        return self.sim.worlds[aggregate].touch(plan_from(self.sim.log.state(aggregate).plan), work)

    def _report(self, aggregate: str, work: Work, outcome: str, retryable: bool) -> None:
        problem = BROKEN if outcome == FAILED else None
        report: Any = ReportWork(work_id=work.work_id, attempt=work.attempt, outcome=outcome, problem=problem, retryable=retryable)
        if work.direction == PLAN and outcome == SUCCEEDED:
            problems = (BROKEN,) if self.sim.goes_wrong(0.05) else ()
            report = ReportPlan(work_id=work.work_id, attempt=work.attempt, plan=random_plan(self.sim.chance), problems=problems)
        self.sim.send(aggregate, f"{work.work_id}#{work.attempt}", report, actor=self.name)


class Migrator(Worker):
    """Applies and undoes."""

    name = MIGRATOR


class Verifier(Worker):
    """Plans, checks, looks, and wakes what sleeps."""

    name = VERIFIER

    def see(self, aggregate: str, kind: str = MIGRATION) -> None:
        """A state record has arrived: also set the alarm it asks for."""
        super().see(aggregate, kind)
        wake_at = self.sim.log.state(aggregate, kind).wake_at if kind in WAKES else 0
        if wake_at:
            delay = max(0, wake_at - self.sim.now) + self.sim.chance.between(0, SECOND)
            self.sim.later(delay, self._wake, aggregate, kind, wake_at)

    def _wake(self, aggregate: str, kind: str, wake_at: int) -> None:
        if self.sim.log.state(aggregate, kind).wake_at == wake_at:
            self.sim.send(aggregate, f"{aggregate}/wake/{wake_at}", WAKES[kind](wake_at=wake_at), actor=self.name, kind=kind)
            self.sim.later(WAKE_AGAIN, self._wake, aggregate, kind, wake_at)
