"""Operators: they ask for migrations, interfere at random, and in the end resolve what only a person can."""

from typing import TYPE_CHECKING, Any

from libs.contracts.capacity import OverrideFreeze, SetCapacity
from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration.way_back import RecordWayBack
from libs.domain.migration.archiving import OVER
from libs.domain.migration.evolving import HELD, PAUSED, STUCK
from libs.domain.migration.gates import asking
from libs.domain.migration.way_back import closed
from libs.testing.simulator.faults import SECOND
from libs.testing.simulator.planners import Planners
from libs.testing.simulator.plans import CAPACITIES, WAVES, in_fleet, random_request, random_settings

if TYPE_CHECKING:
    from libs.testing.simulator.simulation import Simulation

APPROVERS = ("subject-1", "subject-2", "subject-3")
"""Who asks for migrations, and who else answers at gates."""
AT_GATES = (c.ApproveMigration, a.DelegateApproval, a.WaiveApproval)
ROUND = 20
"""Most seconds between two looks around once it is calm."""

MOMENTS = (5 * SECOND, 20 * SECOND, 100 * SECOND)
"""How soon after the request an operator interferes at the latest: mostly while it still runs."""


class People:
    """Everybody who is not a service."""

    def __init__(self, simulation: "Simulation") -> None:
        self._sim, self._asked = simulation, 0
        self._waves: dict[str, str] = {}
        self._chained = False

    def begin(self) -> None:
        """Ask for the migrations, interfere for a while, then look after what is left."""
        chance, calm_at = self._sim.chance, self._sim.faults.calm_at
        if self._sim.fleet:
            self._limit()
            self._plan_waves()
        for aggregate in self._sim.aggregates:
            request = random_request(chance)
            if self._sim.fleet:
                request = in_fleet(chance, request, self._waves, self._chained)
                self._waves[aggregate] = request.wave
            self.ask(aggregate, c.RequestMigration(request=request))
            for _ in range(4):
                if chance.happens(self._sim.faults.operator):
                    self._sim.later(chance.between(0, chance.pick(MOMENTS)), self._interfere, aggregate)
            self._sim.later(calm_at, self._look_after, aggregate)

    def _plan_waves(self) -> None:
        self._chained = self._sim.chance.happens(0.5)
        first, second = WAVES
        for wave, after in ((first, ()), (second, (first,) if self._chained else ())):
            Planners(self._sim, self.ask, wave, after).begin()

    def _limit(self) -> None:
        """Say what the capacities allow, and think better of it."""
        sim = self._sim
        for capacity in CAPACITIES:
            for _ in range(sim.chance.between(0, 3)):
                sim.later(sim.chance.between(0, sim.chance.pick(MOMENTS)), self._set, capacity)

    def _set(self, capacity: str) -> None:
        wish: Any = SetCapacity(settings=random_settings(self._sim.chance, self._sim.now))
        if self._sim.chance.happens(0.1):
            wish = OverrideFreeze(until=self._sim.now + self._sim.chance.between(1, 60) * SECOND, reason="urgent")
        self.ask(capacity, wish, kind="capacity")

    def ask(self, aggregate: str, wish: Any, expected_version: int = -1, kind: str = "migration") -> None:
        """Send a client's command under a new key."""
        self._asked += 1
        actor = self._sim.chance.pick(APPROVERS) if isinstance(wish, AT_GATES) else APPROVERS[0]
        self._sim.send(aggregate, f"key-{self._asked}", wish, actor=actor, expected_version=expected_version, kind=kind)

    def _interfere(self, aggregate: str) -> None:
        chance = self._sim.chance
        version = self._sim.log.state(aggregate).stream.version
        expected = chance.pick((-1, -1, -1, version, max(0, version - 1)))
        if chance.happens(0.1):
            self._asked -= 1
        self.ask(aggregate, self._wish(self._sim.log.state(aggregate).step), expected)

    def _wish(self, reached: int) -> Any:
        step = f"step_{self._sim.chance.between(0, max(1, reached))}"
        return self._sim.chance.pick(
            (
                c.PauseMigration(reason="a freeze"),
                c.PauseMigration(reason="a freeze"),
                c.ResumeMigration(),
                c.CancelMigration(reason="a mistake"),
                c.RollBackMigration(reason="complaints"),
                c.RetryMigration(),
                c.RetryMigration(from_step=step),
                c.RetryMigration(from_step=step),
                c.SkipCompensation(reason="it is gone"),
                c.ApproveMigration(),
                c.RefuseApproval(reason="not today"),
                c.ApproveMigration(on_behalf_of=APPROVERS[0]),
                RecordWayBack(passed=self._sim.chance.happens(0.5), evidence="rolled back on a copy"),
                a.DelegateApproval(to=APPROVERS[1], until=self._sim.now + 30 * SECOND, reason="on leave"),
                a.WaiveApproval(until=self._sim.now + 30 * SECOND, reason="a hurry", roles=("admin",)),
            )
        )

    def _look_after(self, aggregate: str) -> None:
        sim = self._sim
        state = sim.log.state(aggregate)
        if state.mode in OVER:
            return
        sim.later(sim.chance.between(1, ROUND) * SECOND, self._look_after, aggregate)
        if not state.stream.version or asking(state):
            return
        if state.awaiting == "approval":
            if closed(state.way_back, state.approvals.terms, sim.now):
                self.ask(aggregate, RecordWayBack(passed=True, evidence="rolled back on a copy"))
            self.ask(aggregate, sim.chance.pick((c.ApproveMigration(), c.ApproveMigration(), c.RefuseApproval(reason="no"))))
        if state.mode == PAUSED:
            self.ask(aggregate, c.ResumeMigration())
        elif state.mode == HELD:
            self.ask(aggregate, sim.chance.pick((c.RetryMigration(), c.RollBackMigration(reason="enough"))))
        elif state.mode == STUCK:
            self.ask(aggregate, sim.chance.pick((c.RetryMigration(), c.RetryMigration(), c.SkipCompensation(reason="gone"))))
