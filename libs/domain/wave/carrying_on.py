"""What a wave does by itself after any change: tell its members, stop, end, or admit those whose turn has come.

One event names fewer than a hundred members (D6); what is left is done when the wave continues.
"""

from typing import Any

from libs.contracts.wave import events as e
from libs.contracts.wave.state import WaveState as State
from libs.domain.policy import MOST_COMMANDS
from libs.domain.wave import members as m
from libs.domain.wave.evolving import ROLLING_BACK, RUNNING, TARGETS, WAITING, evolve, failures
from libs.domain.wave.graph import graph_of

Events = list[Any]
PAGE = MOST_COMMANDS - 1
"""Members that one event may name: one command each, and one to go on."""


def settled(state: State, events: Events) -> Events:
    """The events, and what the wave does by itself after them."""
    for event in events:
        state = evolve(state, event)
    return [*events, *carry_on(state)]


def carry_on(state: State) -> Events:
    """What comes next by itself; at most one page of orders and one of admissions."""
    events: Events = []
    if state.order:
        told = orders(state)
        events.append(told)
        state = evolve(state, told)
        if state.order:
            return events
    ending = _ending(state)
    if ending is not None:
        return [*events, ending]
    admitted = admissions(state) if state.status == RUNNING else None
    return events if admitted is None else [*events, admitted]


def _ending(state: State) -> Any:
    letters = state.members
    if state.status in (RUNNING, WAITING) and failures(state) > state.settings.max_failures:
        return e.WaveStopped(failures=failures(state), max_failures=state.settings.max_failures)
    if state.status == ROLLING_BACK and not m.count(letters, bytes((m.GOING_BACK, m.STUCK))):
        return e.WaveRolledBack(rolled_back=letters.count(m.ROLLED_BACK), completed=letters.count(m.COMPLETED))
    if state.status == RUNNING and m.count(letters, m.ENDED) == len(letters):
        return e.WaveCompleted(
            completed=letters.count(m.COMPLETED),
            rolled_back=letters.count(m.ROLLED_BACK),
            cancelled=letters.count(m.CANCELLED),
            rejected=letters.count(m.REJECTED),
        )
    return None


def orders(state: State) -> e.MembersTold:
    """The next page of members who are told the wave's order."""
    ids, letters, targets = graph_of(state.pages).ids, state.members, TARGETS[state.order]
    found: list[str] = []
    at = state.cursor
    while at < len(letters) and len(found) < PAGE:
        if letters[at] in targets:
            found.append(ids[at])
        at += 1
    return e.MembersTold(action=state.order, migrations=tuple(found), reason=state.reason, cursor=at, step=state.step + 1)


def admissions(state: State) -> e.MembersAdmitted | None:
    """The next page of members whose turn has come: first those who did not hear of it, then those that are ready."""
    ids, letters = graph_of(state.pages).ids, state.members
    room = len(letters)
    if state.settings.max_running:
        room = max(0, state.settings.max_running - m.count(letters, m.UNDER_WAY))
    most = PAGE + 1
    chosen = [*_first(letters, m.STAYED, most), *_first(letters, m.READY, min(room, most))]
    if not chosen:
        return None
    migrations = tuple(ids[number] for number in chosen[:PAGE])
    return e.MembersAdmitted(migrations=migrations, step=state.step + 1, more=len(chosen) > PAGE)


def _first(letters: bytes, letter: int, most: int) -> list[int]:
    found: list[int] = []
    at = letters.find(letter)
    while at >= 0 and len(found) < most:
        found.append(at)
        at = letters.find(letter, at + 1)
    return found
