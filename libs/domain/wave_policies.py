"""Between a wave and its members, and between waves that come one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

from libs.contracts.envelope import POLICY, EventEnvelope
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.state import MigrationState
from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import commands as w
from libs.contracts.wave import events as v
from libs.contracts.wave.state import WaveState
from libs.domain.migration.evolving import GOING_BACK
from libs.domain.policy import To
from libs.domain.wave.evolving import CANCEL, COMPLETED, PAUSE, RESUME, ROLL_BACK, WAITING, waits_for
from libs.domain.wave.graph import graph_of

_ORDERS: dict[str, Callable[[str], Any]] = {
    PAUSE: lambda reason: c.PauseMigration(reason=reason),
    RESUME: lambda reason: c.ResumeMigration(reason=reason),
    CANCEL: lambda reason: c.CancelMigration(reason=reason),
    ROLL_BACK: lambda reason: c.RollBackMigration(reason=reason),
}


def note(outcome: str) -> Callable[[Any, EventEnvelope, MigrationState], Sequence[To]]:
    """A migration tells its wave, if it has one, what became of it."""

    def react(event: Any, envelope: EventEnvelope, state: MigrationState) -> Sequence[To]:
        if state.gates is None or not state.gates.wave or (type(event) is e.StepFailed and not event.held):
            return []
        noted = w.NoteMember(migration=envelope.aggregate, outcome=outcome, reason=_why(event))
        return [To("wave", state.gates.wave, noted)]

    return react


def _why(event: Any) -> str:
    if isinstance(event, e.StepFailed | e.RollbackStuck):
        return f"{event.name}: {event.problem.message}"
    if isinstance(event, e.MigrationRejected):
        return "; ".join(problem.message for problem in event.problems[:3])
    if isinstance(event, g.AdmissionDeclined):
        return f"its request depends on what the wave does not know of it: {', '.join(event.undeclared[:5])}"
    reason: str = getattr(event, "reason", "")
    return reason


def refused(event: CommandRefused, envelope: EventEnvelope, state: Any) -> Sequence[To]:
    """A member could not be rolled back with its wave: it goes on forward, past the point of no return.

    One that goes back by itself is refused as well, but is waited for like those that were told.
    """
    if event.command != c.RollBackMigration.__name__ or not envelope.actor.startswith(POLICY) or state.gates is None:
        return []
    if state.mode in GOING_BACK:
        return []
    return [To("wave", state.gates.wave, w.NoteMember(migration=envelope.aggregate, outcome="refused", reason=event.message))]


def admit(event: v.MembersAdmitted, envelope: EventEnvelope, state: WaveState) -> Sequence[To]:
    """A wave lets members begin."""
    graph, limits = graph_of(state.pages), state.settings.limits
    admitted = [
        To("migration", id_, g.AdmitMigration(turn=event.step, limits=limits, after=graph.named[graph.index[id_]]))
        for id_ in event.migrations
    ]
    return [*admitted, *_go_on(envelope, event.step)] if event.more else admitted


def call(event: v.MembersTold, envelope: EventEnvelope, state: WaveState) -> Sequence[To]:
    """A wave tells members what to do."""
    told = [To("migration", id_, _ORDERS[event.action](f"wave {envelope.aggregate}: {event.reason}")) for id_ in event.migrations]
    return [*told, *_go_on(envelope, event.step)] if state.order and event.cursor >= 0 else told


def _go_on(envelope: EventEnvelope, step: int) -> Sequence[To]:
    return [To("wave", envelope.aggregate, w.ContinueWave(step=step))]


def follow(event: v.WaveStarted | v.WavePlanned | v.WaveResumed, envelope: EventEnvelope, state: WaveState) -> Sequence[To]:
    """A wave that waits for others tells them so."""
    waits = w.NoteWave(wave=envelope.aggregate, outcome="waits")
    return [To("wave", name, waits) for name in waits_for(state)] if state.status == WAITING else []


def followed(event: v.WaveFollowed, envelope: EventEnvelope, state: WaveState) -> Sequence[To]:
    """A wave that is completed already says so to whoever begins to wait for it."""
    return [_done(envelope, event.wave)] if state.status == COMPLETED else []


def completed(event: v.WaveCompleted, envelope: EventEnvelope, state: WaveState) -> Sequence[To]:
    """A wave is completed: those that wait for it may go on."""
    return [_done(envelope, name) for name in state.followers]


def _done(envelope: EventEnvelope, name: str) -> To:
    return To("wave", name, w.NoteWave(wave=envelope.aggregate, outcome="completed"))
