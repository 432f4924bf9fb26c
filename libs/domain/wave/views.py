"""What people want to know of a wave before they act: its order, who is blocked by whom, and what a rollback would do. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from libs.contracts.wave.state import WaveState
from libs.domain.wave import members as m
from libs.domain.wave.evolving import ROLL_BACK, TARGETS, failures, waits_for
from libs.domain.wave.graph import graph_of

_WHY = {
    m.FAILED: "has failed and is held: retry it or roll it back",
    m.STUCK: "is stuck going back: retry or skip its compensation",
    m.UNDECLARED: "declined: its request names dependencies that the wave does not know; add it again with them",
    m.ROLLED_BACK: "was rolled back: move it anew under another id, and say anew what depends on it",
    m.CANCELLED: "was cancelled: say anew what depends on it",
    m.REJECTED: "was rejected: mend its prerequisites, move it under another id, and say anew what depends on it",
}
_STAYS = {
    m.COMPLETED: "completed; what is completed stays",
    m.ROLLED_BACK: "rolled back already",
    m.CANCELLED: "cancelled already",
    m.REJECTED: "never begun: it was rejected",
    m.STUCK: "going back already; its compensation is stuck",
    m.GOING_BACK: "going back already",
}


class Blocked(NamedTuple):
    """A member that cannot begin, the nearest member that it is blocked by, and what to do about that one."""

    migration: str
    by: str
    reason: str


class Overview(NamedTuple):
    """How a wave stands. `members` counts them by the name of how they stand, the blocked among the planned."""

    status: str
    reason: str
    waits_for: tuple[str, ...]
    members: dict[str, int]
    failures: int
    max_failures: int
    blocked: int


class RollbackPlan(NamedTuple):
    """What rolling back a wave would do now. `told` are rolled back, dependents before what they depend on; `stays` says of
    every other one why nothing is done about it."""

    told: tuple[str, ...]
    stays: tuple[tuple[str, str], ...]


def order_of(state: WaveState) -> list[list[str]]:
    """Members in the order in which they can begin, level by level; only where there is no cycle."""
    return graph_of(state.pages).levels()


def standing_of(state: WaveState) -> Iterator[tuple[str, str]]:
    """Each member and the name of how it stands, in the order in which they were added."""
    for migration, letter in zip(graph_of(state.pages).ids, state.members, strict=True):
        yield migration, m.NAMES[letter]


def blocked_of(state: WaveState) -> list[Blocked]:
    """Members that wait for one that will not complete by itself."""
    graph, found = graph_of(state.pages), dict[int, int]()
    open_ = [number for number, letter in enumerate(state.members) if letter in _WHY]
    causes = {number: number for number in open_}
    for number in open_:
        for other in graph.dependents[number]:
            if other not in causes and state.members[other] in m.NOT_ADMITTED:
                causes[other] = found[other] = causes[number]
                open_.append(other)
    return [Blocked(graph.ids[number], graph.ids[found[number]], _WHY[state.members[found[number]]]) for number in sorted(found)]


def overview_of(state: WaveState) -> Overview:
    """The wave in figures."""
    counts = m.standing(state.members)
    budget = state.settings.max_failures
    return Overview(state.status, state.reason, waits_for(state), counts, failures(state), budget, len(blocked_of(state)))


def rollback_plan(state: WaveState) -> RollbackPlan:
    """Whom a rollback would roll back, and why not the others."""
    targets, letters, graph = TARGETS[ROLL_BACK], state.members, graph_of(state.pages)
    told = [id_ for level in reversed(graph.levels()) for id_ in level if letters[graph.index[id_]] in targets]
    stays = [
        (id_, _STAYS.get(letter, "not begun; it is not admitted any more"))
        for id_, letter in zip(graph.ids, letters, strict=True)
        if letter not in targets
    ]
    return RollbackPlan(tuple(told), tuple(stays))
