"""Planners of waves: they plan one, add its members, start it, meddle with it, and in the end resolve what only a person can."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from libs.contracts.avro import decode_value
from libs.contracts.migration import commands as c
from libs.contracts.migration.request import Request
from libs.contracts.wave import commands as w
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.migration.archiving import OVER
from libs.domain.wave.views import blocked_of, standing_of
from libs.testing.simulator.faults import SECOND
from libs.testing.simulator.plans import CAPACITIES

if TYPE_CHECKING:
    from libs.testing.simulator.simulation import Simulation

ROUND = 20
_OVER = ("rolled_back", "cancelled", "rejected")


class Planners:
    """Whoever looks after one wave. `after` are the waves that it comes after, `ask` sends a client's command."""

    def __init__(self, simulation: "Simulation", ask: Callable[..., None], wave: str, after: tuple[str, ...]) -> None:
        self._sim, self._ask, self._wave, self._after = simulation, ask, wave, after

    def begin(self) -> None:
        """Plan and start the wave at some time, meddle with it, then look after it."""
        sim, chance = self._sim, self._sim.chance
        at = chance.between(0, 60 * SECOND)
        for step in (self._plan, self._add, self._start):
            sim.later(at, step)
            at += chance.between(SECOND, 20 * SECOND)
        for _ in range(3):
            if chance.happens(0.3):
                sim.later(chance.between(0, 200 * SECOND), self._meddle)
        sim.later(sim.faults.calm_at, self._look_after)

    def _tell(self, wish: Any) -> None:
        self._ask(self._wave, wish, kind="wave")

    def _plan(self) -> None:
        chance = self._sim.chance
        settings = WaveSettings(
            limits=tuple(capacity for capacity in CAPACITIES if chance.happens(0.2)),
            after=self._after,
            max_failures=chance.between(0, 1),
            max_running=chance.between(0, 2),
        )
        self._tell(w.PlanWave(settings=settings))

    def _add(self) -> None:
        members = self._members(forgets=0.1)
        if members:
            self._tell(w.AddMembers(members=members))

    def _members(self, forgets: float) -> tuple[Member, ...]:
        """Everybody who names the wave, with what the requests say, or with some of it forgotten."""
        found = []
        for id_, request in self._requests().items():
            depends_on = () if self._sim.chance.happens(forgets) else request.depends_on
            found.append(Member(migration=id_, depends_on=depends_on))
        return tuple(found)

    def _requests(self) -> dict[str, Request]:
        states = {id_: self._sim.log.state(id_) for id_ in self._sim.aggregates}
        requests = {id_: decode_value(Request, state.request) for id_, state in states.items() if state.request}
        return {id_: request for id_, request in requests.items() if request.wave == self._wave}

    def _start(self) -> None:
        self._tell(w.StartWave())

    def _meddle(self) -> None:
        wishes = (w.PauseWave(reason="lunch"), w.PauseWave(reason="lunch"), w.ResumeWave(), w.CancelWave(reason="over"))
        self._tell(self._sim.chance.pick((*wishes, w.RollBackWave(reason="complaints"))))

    def _look_after(self) -> None:
        sim = self._sim
        if all(sim.log.state(id_).mode in OVER for id_ in sim.aggregates):
            return
        sim.later(sim.chance.between(1, ROUND) * SECOND, self._look_after)
        state = sim.log.state(self._wave, "wave")
        if state.status in ("", "planned"):
            self._set_out(state)
        elif state.status == "waiting":
            self._precede()
        elif state.status in ("paused", "stopped"):
            self._tell(w.ResumeWave())
        elif state.status == "rolled_back":
            self._tell(w.CancelWave(reason="over"))
        if state.status in ("running", "stopped", "completed", "cancelled"):
            self._help(state)

    def _set_out(self, state: Any) -> None:
        if not state.status:
            self._plan()
        elif not self._requests():
            self._tell(w.CancelWave(reason="nobody is left"))
        else:
            standing = dict(standing_of(state))
            members = tuple(member for member in self._members(forgets=0) if standing.get(member.migration, "planned") == "planned")
            if members:
                self._tell(w.AddMembers(members=members))
            self._start()

    def _precede(self) -> None:
        """A wave that will never be completed is waited for no longer."""
        if any(self._sim.log.state(name, "wave").status in ("cancelled", "rolled_back") for name in self._after):
            self._after = ()
            self._plan()

    def _help(self, state: Any) -> None:
        """Add again what was forgotten; cancel what can never begin."""
        standing = dict(standing_of(state))
        missing = [id_ for id_ in self._requests() if standing.get(id_, "undeclared") == "undeclared"]
        stuck = {blocked.migration for blocked in blocked_of(state) if standing[blocked.by] in _OVER}
        members = tuple(member for member in self._members(forgets=0) if member.migration in missing)
        if members and state.status in ("running", "stopped"):
            self._tell(w.AddMembers(members=members))
        for id_ in self._requests():
            never = id_ in missing and (state.status in ("completed", "cancelled") or self._sim.chance.happens(0.2))
            if (id_ in stuck or never) and self._sim.log.state(id_).mode not in OVER:
                self._ask(id_, c.CancelMigration(reason="it can never begin"))
