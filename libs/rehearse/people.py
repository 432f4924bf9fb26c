"""People in virtual time: they do what people did before when they were waited for, as soon, and nothing nobody ever did."""

from typing import TYPE_CHECKING, Any

from libs.contracts.migration import commands as c
from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import events as w
from libs.contracts.wave.commands import AddMembers, ResumeWave
from libs.contracts.wave.plan import Member
from libs.domain.migration.approvals import ANY, missing
from libs.domain.migration.evolving import HELD as IS_HELD
from libs.domain.migration.evolving import STUCK as IS_STUCK
from libs.domain.migration.evolving import plan_from
from libs.domain.wave.evolving import STARTED
from libs.domain.wave.evolving import STOPPED as IS_STOPPED
from libs.domain.wave.graph import graph_of
from libs.domain.wave.views import blocked_of, standing_of
from libs.rehearse.fork import MIGRATION, WAVE_KIND
from libs.rehearse.history import APPROVAL, CANCEL, HELD, OK, REFUSE, RETRY, ROLL_BACK, SKIP, STOPPED, STUCK, UNBLOCK, Attempt, Key

if TYPE_CHECKING:
    from libs.rehearse.world import World

WHY = "rehearsal"
APPROVER = "rehearsal-approver"
"""Other people than who asked for anything, as four eyes want it."""
_LOST = ("rolled_back", "cancelled", "rejected")
_IN_A_PAGE = 1_000


def _lacking(state: Any) -> int:
    """How many approvals are waited for."""
    if state.awaiting != APPROVAL:
        return 0
    return missing(state.approvals) if state.approvals is not None else 1


class People:
    """Whoever approves, retries, rolls back, resumes and unblocks. The what-if may say when instead."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def see_migration(self, name: str, before: Any, state: Any) -> None:
        """A state has changed: it may wait for a person now."""
        if state.awaiting == APPROVAL and (before is None or _lacking(state) > _lacking(before)):
            self._wait(name, state, state.step, APPROVAL, self._world.case.what_if.factors.approve_s, otherwise=Attempt(0, OK))
        if state.mode in (IS_HELD, IS_STUCK) and state.failed and (before is None or before.mode != state.mode):
            direction = HELD if state.mode == IS_HELD else STUCK
            self._wait(name, state, state.failed[0].step, direction, self._world.case.what_if.factors.retry_s)

    def _wait(self, name: str, state: Any, step: int, direction: str, said_s: float | None, otherwise: Attempt | None = None) -> None:
        plan = plan_from(state.plan)
        key = Key(plan.provider, plan.steps[step].name, direction)
        drawn = self._world.draws.person(key, f"{name}/{state.step}/{state.round}/{state.fence}", said_s, otherwise)
        if drawn is not None:
            self._world.agenda.later(drawn.took, self._act, name, state, direction, drawn.outcome)

    def _act(self, name: str, seen: Any, direction: str, action: str) -> None:
        state = self._world.states[MIGRATION, name]
        # A gate is answered also while a slot is away: nobody asks again once it is back.
        waits = state.awaiting == APPROVAL if direction == APPROVAL else state.mode == seen.mode
        if not waits or (state.fence, state.step) != (seen.fence, seen.step):
            return
        given = direction == APPROVAL and action in (OK, RETRY)
        # Refused is what was learnt elsewhere: a step to go back to that was not reached here, a way back that is closed.
        if not given and self.do(name, action):
            return
        if direction == APPROVAL:
            self._approve(name, state)
        else:
            self.do(name, RETRY)

    def _approve(self, name: str, state: Any) -> None:
        """As many different people as the gate asks for say yes, with the roles it asks for."""
        terms = state.approvals.terms if state.approvals is not None else ANY
        yes = c.ApproveMigration(reason=WHY, roles=terms.roles, second_factor=WHY)
        for number in range(_lacking(state)):
            self._world.ask(MIGRATION, name, yes, f"{APPROVER}-{number + 1}")

    def do(self, name: str, action: str) -> bool:
        """Tell a migration what history says a person told one like it; False when that is refused."""
        verb, _, step = action.partition(" ")
        bodies = {
            ROLL_BACK: c.RollBackMigration(reason=WHY),
            CANCEL: c.CancelMigration(reason=WHY),
            SKIP: c.SkipCompensation(reason=WHY),
            REFUSE: c.RefuseApproval(reason=WHY),
        }
        answered = self._world.ask(MIGRATION, name, bodies.get(verb) or c.RetryMigration(from_step=step, reason=WHY))
        return not any(type(entry.body) is CommandRefused for entry, _ in answered.events)

    def see_wave(self, name: str, before: Any, state: Any) -> None:
        """A wave has changed: it may be stopped now, or was started, or forked, with members to be freed."""
        if (before is None or before.status not in STARTED) and _to_free(state):
            self._free_later(name, "")
        if state.status == IS_STOPPED and (before is None or before.status != IS_STOPPED):
            drawn = self._world.draws.person(
                Key("", "", STOPPED), f"{name}/{state.stream.version}", self._world.case.what_if.factors.resume_s
            )
            if drawn is not None:
                self._world.agenda.later(drawn.took, self._resume, name)

    def _resume(self, name: str) -> None:
        if self._world.states[WAVE_KIND, name].status == IS_STOPPED:
            self._world.ask(WAVE_KIND, name, ResumeWave(reason=WHY))

    def hear(self, name: str, event: Any) -> None:
        """An event of a wave: a member that is lost may block others."""
        if isinstance(event, w.MemberNoted) and event.blocks and event.outcome in _LOST:
            self._free_later(name, event.migration)

    def _free_later(self, name: str, lost: str) -> None:
        said_s = self._world.case.what_if.factors.unblock_s
        drawn = self._world.draws.person(Key("", "", UNBLOCK), f"{name}/{lost}", said_s)
        if drawn is not None:
            self._world.agenda.later(drawn.took, self._free, name)

    def _free(self, name: str) -> None:
        members = _to_free(self._world.states[WAVE_KIND, name])
        for first in range(0, len(members), _IN_A_PAGE):
            self._world.ask(WAVE_KIND, name, AddMembers(members=tuple(members[first : first + _IN_A_PAGE])))


def _to_free(state: Any) -> list[Member]:
    """Members of a wave that depend on one that is lost, as they move without it."""
    if state.status not in STARTED:
        return []
    graph, lost = graph_of(state.pages), {member for member, standing in standing_of(state) if standing in _LOST}
    named = {blocked.migration: graph.named[graph.index[blocked.migration]] for blocked in blocked_of(state)}
    return [
        Member(migration=name, depends_on=tuple(one for one in others if one not in lost))
        for name, others in named.items()
        if lost.intersection(others)
    ]
