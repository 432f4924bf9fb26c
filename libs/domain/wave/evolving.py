"""`evolve`: how each event changes the state of a wave. The only place where state changes."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import events as e
from libs.contracts.wave.state import WaveState as State
from libs.domain.wave import members as m
from libs.domain.wave.graph import Graph, Pages, graph_of, page_of, whole

PLANNED, WAITING, RUNNING, PAUSED, STOPPED = "planned", "waiting", "running", "paused", "stopped"
ROLLING_BACK, ROLLED_BACK, CANCELLED, COMPLETED = "rolling_back", "rolled_back", "cancelled", "completed"
PAUSE, RESUME, CANCEL, ROLL_BACK = "pause", "resume", "cancel", "roll_back"
TARGETS: dict[str, bytes] = {
    PAUSE: bytes((m.ACTIVE,)),
    RESUME: bytes((m.ACTIVE,)),
    ROLL_BACK: bytes((m.ACTIVE, m.FAILED)),
    CANCEL: m.NOT_ADMITTED + bytes((m.TOLD, m.STAYED, m.ACTIVE, m.FAILED)),
}
"""Whom each order is given to."""
STARTED = (WAITING, RUNNING, PAUSED, STOPPED)
MOST_PAGES = 64
"""Pages that a roster is kept in before they are made one."""
MOST_ROSTER_BYTES = 1_400_000
"""What all pages may hold together, so that the state fits into a record."""
MOST_EARLY_BYTES = 500_000
"""What those may take who ended before they were added, for the same reason."""
_LETTERS = {
    "begun": m.ACTIVE,
    "running": m.ACTIVE,
    "refused": m.ACTIVE,
    "failed": m.FAILED,
    "stuck": m.STUCK,
    "undeclared": m.UNDECLARED,
    **m.ENDS,
}


def failures(state: State) -> int:
    """Failures that the budget still counts."""
    return max(0, m.count(state.members, m.FAILURES) - state.tolerated)


def waits_for(state: State) -> tuple[str, ...]:
    """Waves before this one that are not known to be completed."""
    return tuple(name for name in state.settings.after if name not in state.met)


def _settled(graph: Graph, letters: bytes) -> tuple[bytes, bytes]:
    """Letters and open dependencies of all members, from what is completed."""
    left = bytes(sum(letters[other] != m.COMPLETED for other in depends) for depends in graph.depends)
    found = bytearray(letters)
    for number, letter in enumerate(letters):
        if letter in (m.PLANNED, m.READY):
            found[number] = m.PLANNED if left[number] else m.READY
    return bytes(found), left


def _planned(state: State, event: e.WavePlanned) -> State:
    state = replace(state, settings=event.settings, status=state.status or PLANNED)
    if state.status == RUNNING and waits_for(state):
        return replace(state, status=WAITING)
    return _no_longer_waiting(state) if state.status == WAITING else state


def _no_longer_waiting(state: State) -> State:
    return state if waits_for(state) else replace(state, status=RUNNING)


def _added(state: State, event: e.MembersAdded) -> State:
    pages: Pages = (*state.pages, page_of(event.members))
    graph = graph_of(pages)
    if len(pages) > MOST_PAGES or sum(map(len, pages)) > MOST_ROSTER_BYTES:
        pages = (whole(graph),)
    letters, early = bytearray(state.members), dict(state.early)
    for member in event.members:
        number = graph.index[member.migration]
        letter = m.ENDS.get(early.pop(member.migration, ""), m.PLANNED)
        if number == len(letters):
            letters.append(letter)
        else:
            letters[number] = letter
    state = _with_letters(replace(state, pages=pages, early=early), bytes(letters), state.left)
    return _with_letters(state, *_settled(graph, state.members)) if state.status in STARTED else state


def _with_letters(state: State, letters: bytes, left: bytes) -> State:
    """What failed and does no longer is not tolerated a second time."""
    return replace(state, members=letters, left=left, tolerated=min(state.tolerated, m.count(letters, m.FAILURES)))


def _started(state: State, event: e.WaveStarted) -> State:
    state = replace(state, status=WAITING if event.waits_for else RUNNING)
    return _with_letters(state, *_settled(graph_of(state.pages), state.members))


def _preceded(state: State, event: e.PredecessorCompleted) -> State:
    state = replace(state, met=(*state.met, event.wave))
    return _no_longer_waiting(state) if state.status == WAITING else state


def _marked(state: State, migrations: Iterable[str], letter: int) -> State:
    letters = bytearray(state.members)
    for number in _numbers(state, migrations):
        letters[number] = letter
    return replace(state, members=bytes(letters))


def _numbers(state: State, migrations: Iterable[str]) -> list[int]:
    index = graph_of(state.pages).index
    return [index[migration] for migration in migrations if migration in index]


def _admitted(state: State, event: e.MembersAdmitted) -> State:
    letters = bytearray(state.members)
    for number in _numbers(state, event.migrations):
        letters[number] = m.TOLD if letters[number] == m.READY else m.ACTIVE
    return replace(state, members=bytes(letters), step=event.step)


def _told(state: State, event: e.MembersTold) -> State:
    if event.action == ROLL_BACK:
        state = _marked(state, event.migrations, m.GOING_BACK)
    if event.cursor < 0:
        return replace(state, step=event.step)
    return _ordering(replace(state, step=event.step, cursor=event.cursor))


def _ordering(state: State) -> State:
    """The order is over when nobody is left whom it is given to."""
    left = state.order and m.count(state.members[state.cursor :], TARGETS[state.order])
    return state if left else replace(state, order="", cursor=0)


def _noted(state: State, event: e.MemberNoted) -> State:
    graph = graph_of(state.pages)
    number = graph.index.get(event.migration, -1)
    if number < 0:
        return replace(state, early={**state.early, event.migration: event.outcome})
    letter = _letter(state, state.members[number], event.outcome)
    letters = state.members[:number] + bytes((letter,)) + state.members[number + 1 :]
    if letter != m.COMPLETED or not state.left:
        return _with_letters(state, letters, state.left)
    found, left = bytearray(letters), bytearray(state.left)
    for other in graph.dependents[number]:
        left[other] -= 1
        if not left[other] and found[other] == m.PLANNED:
            found[other] = m.READY
    return _with_letters(state, bytes(found), bytes(left))


def _letter(state: State, before: int, outcome: str) -> int:
    if outcome == "waiting":
        return m.STAYED if before == m.TOLD and state.status not in (RUNNING, CANCELLED) else m.ACTIVE
    if outcome == "running" and before == m.STUCK and state.status == ROLLING_BACK:
        return m.GOING_BACK
    return _LETTERS[outcome]


def _resumed(state: State, event: e.WaveResumed) -> State:
    order = RESUME if state.status == PAUSED else ""
    state = replace(state, tolerated=m.count(state.members, m.FAILURES))
    return _no_longer_waiting(_ordered(state, WAITING, order, event.reason))


def _ordered(state: State, status: str, order: str, reason: str) -> State:
    return _ordering(replace(state, status=status, order=order, cursor=0, reason=reason))


def _stopped(state: State, event: e.WaveStopped) -> State:
    reason = f"{event.failures} members failed; {event.max_failures} may"
    return replace(state, status=STOPPED, reason=reason)


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    e.WavePlanned: _planned,
    e.MembersAdded: _added,
    e.WaveStarted: _started,
    e.WaveFollowed: lambda state, event: replace(state, followers=(*state.followers, event.wave)),
    e.PredecessorCompleted: _preceded,
    e.MembersAdmitted: _admitted,
    e.MemberNoted: _noted,
    e.MembersTold: _told,
    e.WaveStopped: _stopped,
    e.WavePaused: lambda state, event: _ordered(state, PAUSED, PAUSE, event.reason),
    e.WaveResumed: _resumed,
    e.WaveCancelled: lambda state, event: _ordered(state, CANCELLED, CANCEL, event.reason),
    e.WaveRollbackStarted: lambda state, event: _ordered(state, ROLLING_BACK, ROLL_BACK, event.reason),
    e.WaveRolledBack: lambda state, event: replace(state, status=ROLLED_BACK),
    e.WaveCompleted: lambda state, event: replace(state, status=COMPLETED),
    CommandRefused: lambda state, event: state,
}


def evolve(state: State, event: Any) -> State:
    """The state after an event. Raises KeyError for an event that no wave knows."""
    return _CHANGES[type(event)](state, event)
