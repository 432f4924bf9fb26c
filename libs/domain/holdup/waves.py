"""What holds a wave up as a whole, and what a wave says to a member that waits for its admission: from the wave's own state."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from libs.contracts.wave.state import WaveState
from libs.domain.holdup.cause import MIGRATION, OPERATOR, ROLE, WAVE, Ask, Cause, Facts, listed
from libs.domain.wave import members as m
from libs.domain.wave.evolving import (
    CANCELLED,
    COMPLETED,
    PAUSED,
    PLANNED,
    ROLLED_BACK,
    ROLLING_BACK,
    RUNNING,
    STOPPED,
    WAITING,
    failures,
    waits_for,
)  # fmt: skip
from libs.domain.wave.graph import graph_of
from libs.domain.wave.views import blocked_of

_OPERATOR = Ask(ROLE, OPERATOR)
_OVER = (COMPLETED, CANCELLED, ROLLED_BACK)


class Said(NamedTuple):
    """A wave at a moment: its state, and the event that last told how it stands. `at` in microseconds since the epoch."""

    name: str
    state: WaveState
    event: str
    at: int


def wave_causes(wave: Said, before: Mapping[str, Said], ring: Sequence[str] = ()) -> list[Cause]:
    """What holds a wave up itself, in the order in which to look at it; empty when only its members do, or nothing.

    `before` are the waves that it comes after, as far as they are known; `ring` are waves of which each waits for the next.
    """
    state, name = wave.state, wave.name
    if state.status in _OVER:
        return [_cause("ended", f"the wave has ended: it is {_words(state)}", wave)]
    if not state.status:
        return [_cause("wave_unplanned", f"nobody has planned the wave {name} yet", wave, [_OPERATOR])]
    if state.status == PLANNED:
        return [_cause("wave_not_started", f"the wave {name} is planned and not started", wave, [_OPERATOR])]
    if state.status == PAUSED:
        return [_cause("wave_paused", f"the wave {name} is paused: {state.reason}", wave, [_OPERATOR])]
    if state.status == STOPPED:
        return [_cause("wave_stopped", _budget(state, name), wave, [_OPERATOR], {"failures": failures(state)})]
    if state.status == ROLLING_BACK:
        return [_cause("wave_rolling_back", f"the wave {name} is rolled back: {state.reason}", wave)]
    if state.status == WAITING:
        return [*_ring(wave, ring), *(_waits(wave, other, before.get(other)) for other in waits_for(state))]
    return _full(wave)


def _budget(state: WaveState, name: str) -> str:
    return f"the wave {name} is stopped: {failures(state)} of its members failed and {state.settings.max_failures} may; resume it to accept that"


def _ring(wave: Said, ring: Sequence[str]) -> list[Cause]:
    if not ring:
        return []
    reason = (
        f"each of these waves waits for the next, and the last for the first: {listed(list(ring), 20)}; plan one of them anew without it"
    )
    return [_cause("circle_of_waves", reason, wave, [_OPERATOR, *(Ask(WAVE, name) for name in ring[:5])])]


def _waits(wave: Said, other: str, before: Said | None) -> Cause:
    how = _words(before.state) if before is not None else "not planned"
    never = before is not None and before.state.status in (CANCELLED, ROLLED_BACK)
    reason = f"the wave {wave.name} comes after {other}, which is {how}" + ("; plan it anew without that" if never else "")
    asks = [Ask(WAVE, other), *([_OPERATOR] if never else [])]
    found = _cause("wave_before", reason, wave, asks, {"wave": other})
    return found._replace(events=(*found.events, before.event)) if before is not None and before.event else found


def _words(state: WaveState) -> str:
    return state.status.replace("_", " ") or "not planned"


def _full(wave: Said) -> list[Cause]:
    state, most = wave.state, wave.state.settings.max_running
    ready = state.members.count(m.READY)
    if not ready or not most or m.count(state.members, m.UNDER_WAY) < most:
        return []
    reason = f"{ready:,} members of {wave.name} are ready and {most:,}, as many as may be, are on their way"
    return [_cause("wave_full", reason, wave, details={"ready": ready, "maxRunning": most})]


def member_causes(wave: Said, migration: str, before: Mapping[str, Said], ring: Sequence[str] = ()) -> list[Cause]:
    """What a wave says to one that waits for it: which member or wave that is. Empty when its answer is on its way."""
    state, graph = wave.state, graph_of(wave.state.pages)
    number = graph.index.get(migration, -1)
    if number < 0:
        return [_cause("wave_no_member", f"the wave {wave.name} does not have it as a member; add it", wave, [_OPERATOR])]
    letter = state.members[number]
    found = wave_causes(wave, before, ring) if letter in m.NOT_ADMITTED and (letter == m.READY or state.status != RUNNING) else []
    blocked = next((one for one in blocked_of(state) if one.migration == migration), None)
    if blocked is not None:
        return [*found, _cause("wave_blocked", f"{blocked.by} {blocked.reason}", wave, [Ask(MIGRATION, blocked.by)])]
    return [*found, *_dependencies(wave, migration, number)] if letter == m.PLANNED else found


def _dependencies(wave: Said, migration: str, number: int) -> list[Cause]:
    state, graph = wave.state, graph_of(wave.state.pages)
    open_ = [graph.ids[other] for other in graph.depends[number] if state.members[other] != m.COMPLETED]
    if not open_:
        return []
    reason = f"in the wave it comes after {listed(open_)}, not completed yet"
    return [_cause("wave_dependency", reason, wave, [Ask(MIGRATION, other) for other in open_[:5]])]


def _cause(code: str, reason: str, wave: Said, ask: Sequence[Ask] = (), details: Facts | None = None) -> Cause:
    events = (wave.event,) if wave.event else ()
    return Cause(code, reason, wave.at, 0, tuple(ask) or (Ask(WAVE, wave.name),), events, {"wave": wave.name} | dict(details or {}))
