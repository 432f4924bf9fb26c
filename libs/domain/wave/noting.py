"""Decisions on what others tell a wave: its members, through policies; waves before and after it; itself."""

from typing import Any

from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.state import WaveState as State
from libs.domain.decider import Context
from libs.domain.wave import members as m
from libs.domain.wave.carrying_on import carry_on, settled
from libs.domain.wave.evolving import (
    CANCEL,
    CANCELLED,
    MOST_EARLY_BYTES,
    PAUSE,
    PAUSED,
    ROLL_BACK,
    ROLLED_BACK,
    ROLLING_BACK,
    RUNNING,
    evolve,
    waits_for,
)
from libs.domain.wave.graph import graph_of

Events = list[Any]
MOST_FOLLOWERS = 100
MOST_MET = 1_000
"""How many completed waves are remembered beside those that it waits for."""
NAMED = 20
"""How many of those that are blocked an event names."""
_ORDERS = {PAUSED: PAUSE, CANCELLED: CANCEL, ROLLING_BACK: ROLL_BACK, ROLLED_BACK: ROLL_BACK}
"""What a member is told that comes to run while the wave does not."""
_CHANGES_IT: dict[str, bytes] = {
    "begun": bytes((m.TOLD, m.STAYED, m.PLANNED, m.READY)),
    "failed": bytes((m.TOLD, m.STAYED, m.ACTIVE)),
    "stuck": bytes((m.TOLD, m.STAYED, m.ACTIVE, m.GOING_BACK, m.FAILED)),
    "running": bytes((m.FAILED, m.STUCK)),
    "undeclared": bytes((m.TOLD, m.STAYED, m.ACTIVE)),
    "refused": bytes((m.GOING_BACK,)),
    "waiting": bytes((m.TOLD,)),
}
"""In which ways a member must stand for a note to change anything; an end changes whatever has not ended."""
_BAD = ("rolled_back", "cancelled", "rejected", "failed", "stuck", "undeclared")


def note_member(state: State, command: c.NoteMember, ctx: Context) -> Events:
    """Take note of a member. What is known, or was overtaken, leaves nothing."""
    graph = graph_of(state.pages)
    number = graph.index.get(command.migration, -1)
    if number < 0:
        return _stranger(state, command)
    letter = state.members[number]
    if not _news(state, letter, command.outcome):
        return []
    waiting = graph.waiting_for(number) if command.outcome in _BAD else set()
    blocked = sorted(other for other in waiting if state.members[other] in m.NOT_ADMITTED)
    noted = e.MemberNoted(
        migration=command.migration,
        outcome=command.outcome,
        reason=command.reason,
        blocks=len(blocked),
        blocked=tuple(graph.ids[other] for other in blocked[:NAMED]),
    )
    return settled(state, [noted, *_answer(evolve(state, noted), command)])


def _news(state: State, letter: int, outcome: str) -> bool:
    if letter in m.ENDED:
        return False
    if outcome in m.ENDS:
        return True
    if outcome == "waiting" and state.status == CANCELLED:
        return letter != m.ACTIVE
    return letter in _CHANGES_IT.get(outcome, b"")  # a note of a later release is not known here


def _stranger(state: State, command: c.NoteMember) -> Events:
    """It is no member yet: of one that has ended already that is remembered, for it will not say so again."""
    if command.outcome not in m.ENDS or command.migration in state.early or _early_bytes(state) >= MOST_EARLY_BYTES:
        return []
    return [e.MemberNoted(migration=command.migration, outcome=command.outcome, reason=command.reason, blocks=0, blocked=())]


def _early_bytes(state: State) -> int:
    return sum(len(id_.encode()) + len(outcome) + 3 for id_, outcome in state.early.items())


def _answer(state: State, command: c.NoteMember) -> Events:
    """What one member is told because of its note: once more that it may begin, or what the others were told before."""
    if command.outcome == "waiting" and state.status == RUNNING:
        return [e.MembersAdmitted(migrations=(command.migration,), step=state.step + 1, more=False)]
    order = _ORDERS.get(state.status, "")
    comes_late = command.outcome == "begun" or (command.outcome == "waiting" and state.status == CANCELLED)
    if not (order and comes_late):
        return []
    return [e.MembersTold(action=order, migrations=(command.migration,), reason=state.reason, cursor=-1, step=state.step + 1)]


def note_wave(state: State, command: c.NoteWave, ctx: Context) -> Events:
    """Another wave waits for this one, or is completed."""
    if command.outcome == "waits":
        if command.wave in state.followers or len(state.followers) >= MOST_FOLLOWERS:
            return []
        return [e.WaveFollowed(wave=command.wave)]
    # Remembered even where nobody waits for it just now: it says so once, and may be named again.
    if command.wave in state.met or (command.wave not in waits_for(state) and len(state.met) >= MOST_MET):
        return []
    return settled(state, [e.PredecessorCompleted(wave=command.wave)])


def go_on(state: State, command: c.ContinueWave, ctx: Context) -> Events:
    """The next page."""
    return carry_on(state) if command.step == state.step else []
