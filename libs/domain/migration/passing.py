"""Decisions at the gates: take the wave's admission and the capacities' slots, lose them, give them back."""

from typing import Any

from libs.contracts.avro import decode_value
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.request import Request
from libs.contracts.migration.rewinding import RewindCompleted
from libs.contracts.migration.state import MigrationState as State
from libs.domain.decider import Context
from libs.domain.migration.dispatching import again
from libs.domain.migration.evolving import HELD, PAUSED, RUNNING, STUCK, evolve, plan_from
from libs.domain.migration.gates import ADMISSION, SLOT, Events, asking, first_slot, of
from libs.domain.migration.going_forward import carry_on, phase_of

_ENDS = (e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled)
_NEEDS_NO_SLOT = (e.MigrationPaused, e.RollbackStuck, RewindCompleted, g.SlotLost)


def admit(state: State, command: g.AdmitMigration, ctx: Context) -> Events:
    """The wave lets it begin, if it knows everything that this migration depends on. Stale unless that is waited for."""
    if of(state).at != ADMISSION or command.turn <= of(state).declined:
        return []
    undeclared = tuple(id_ for id_ in decode_value(Request, state.request).depends_on if id_ not in command.after)
    if undeclared:
        return [g.AdmissionDeclined(wave=of(state).wave, turn=command.turn, undeclared=undeclared)]
    admitted = g.MigrationAdmitted(limits=tuple(sorted(set(command.limits))))
    after = evolve(state, admitted)
    if state.mode == PAUSED:
        return [admitted]
    return [admitted, first_slot(after)] if of(after).limits else [admitted, *go_on(after, ctx)]


def take(state: State, command: g.TakeSlot, ctx: Context) -> Events:
    """A slot is held: ask for the next, or go on once all are. Stale unless it is the one that is asked for in this turn."""
    gates = of(state)
    if gates.at != SLOT or command.turn != gates.turn or gates.slots[-1:] != (command.capacity,):
        return []
    taken = g.SlotTaken(capacity=command.capacity, turn=command.turn)
    missing = gates.limits[len(gates.slots) :]
    if missing:
        return [taken, g.SlotRequested(capacity=missing[0], turn=gates.turn)]
    return [taken, *go_on(evolve(state, taken), ctx)]


def go_on(state: State, ctx: Context) -> Events:
    """Every gate is passed: begin, resume, or try again what had failed."""
    if state.mode == HELD:
        return try_again(state, ctx)
    if state.mode == RUNNING:
        return carry_on(state, ctx)
    resumed = e.MigrationResumed(reason="every slot is held", phase=phase_of(state))
    return [resumed, *carry_on(evolve(state, resumed), ctx)]


def try_again(state: State, ctx: Context) -> Events:
    """Dispatch what failed once more; where nothing did, go on from where it stands."""
    plan = plan_from(state.plan)
    return [
        e.WorkDispatched(
            work=again(work, ctx.now, plan.steps[work.step], state.fence + 1 + n),
            name=plan.steps[work.step].name,
            phase="rolling_back" if state.mode == STUCK else plan.steps[work.step].phase,
            point_of_no_return=plan.steps[work.step].point_of_no_return and state.mode == HELD,
        )
        for n, work in enumerate(state.failed)
    ] or carry_on(state, ctx)


def lose(state: State, command: g.LoseSlot, ctx: Context) -> Events:
    """A slot is gone. Whoever waits asks again for all of them; whoever runs is paused and resumes once all are held again.

    Past the point of no return and on the way back no slot is needed any more.
    """
    gates = of(state)
    if command.turn != gates.turn or command.capacity not in gates.slots or state.mode not in (RUNNING, PAUSED, HELD):
        return []
    lost = g.SlotLost(capacity=command.capacity, turn=command.turn, reason=command.reason, retry_at=command.retry_at)
    if gates.at == SLOT:
        return [lost] if command.retry_at else [lost, first_slot(state)]
    return [] if state.crossed else [lost, e.MigrationPaused(reason=command.reason), first_slot(state)]


def giving_back(state: State, events: Events) -> Events:
    """The events with slots given back wherever what follows needs none: at every end, pause and hold."""
    found: Events = []
    for event in events:
        if of(state).slots and isinstance(event, _ENDS):
            state = _give_back(state, found)
        found.append(event)
        before, state = state, evolve(state, event)
        if of(state).slots and _needs_no_slot(event, before):
            state = _give_back(state, found)
    return found


def _give_back(state: State, found: Events) -> State:
    released = g.SlotsReleased(capacities=of(state).slots, turn=of(state).turn)
    found.append(released)
    return evolve(state, released)


def _needs_no_slot(event: Any, before: State) -> bool:
    if isinstance(event, e.StepFailed):
        return event.held
    return isinstance(event, _NEEDS_NO_SLOT) or (isinstance(event, e.StopRequested) and asking(before))
