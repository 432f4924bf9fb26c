"""Live state at a position of the log, reduced to what the waves asked for can meet. Pure."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from libs.contracts.avro import decode_value
from libs.contracts.migration.request import Request
from libs.contracts.migration.state import MigrationState
from libs.contracts.subscription import Interest
from libs.contracts.wave.state import WaveState
from libs.domain.migration.archiving import OVER
from libs.domain.wave import DECIDER as WAVE
from libs.domain.wave.evolving import CANCELLED, COMPLETED, ROLLED_BACK, STARTED
from libs.domain.wave.graph import graph_of
from libs.rehearse.answering import Sent
from libs.rehearse.history import History

MIGRATION, WAVE_KIND, CAPACITY = "migration", "wave", "capacity"
WAVES_OVER = (COMPLETED, CANCELLED, ROLLED_BACK)
Id = tuple[str, str]
"""Kind and id of an aggregate."""


class UnknownWave(LookupError):
    """A wave was asked for that there is not at this position; the message says which."""


class Unsent(NamedTuple):
    """A policy's command on its way, and the aggregate whose event it follows from."""

    sender: Id
    sent: Sent


class Listener(NamedTuple):
    """An active subscription: what it wants, and from when on."""

    subscription: str
    interest: Interest
    since: int


class Fork(NamedTuple):
    """The world as the log has it at a position.

    `learnt_at` is the position up to which history is known. `at` is when the last event before it was recorded, in microseconds since the epoch: virtual time begins there. `unsent` are
    commands of policies that nothing has answered yet, `ended_at` says when members that have ended did.
    """

    position: str
    learnt_at: str
    at: int
    tenant: str
    environment: str
    states: dict[Id, Any]
    unsent: tuple[Unsent, ...]
    ended_at: dict[str, int]
    history: History
    listeners: tuple[Listener, ...]

    def wave(self, name: str) -> WaveState:
        """A wave; one never planned where there is none."""
        found: WaveState = self.states.get((WAVE_KIND, name), WAVE.initial)
        return found


@lru_cache(maxsize=65_536)
def _request(encoded: bytes) -> Request:
    return decode_value(Request, encoded)


def request_of(state: MigrationState) -> Request:
    """What a migration was asked to do. Only for one that was asked for."""
    return _request(state.request)


def members_of(state: WaveState) -> list[str]:
    """Members of a wave, in the order in which they were added."""
    return graph_of(state.pages).ids


def chain_of(fork: Fork, waves: Iterable[str], may_be_new: Collection[str] = ()) -> list[str]:
    """These waves and all that must be completed before them, each after those that it waits for. Raises UnknownWave for one asked for
    that was never planned, unless it may be new."""
    found: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in found or name in above:
            return
        state = fork.wave(name)
        for before in sorted(set(state.settings.after) - set(state.met)):
            visit(before, (*above, name))
        found[name] = None

    for name in waves:
        if not fork.wave(name).status and name not in may_be_new:
            raise UnknownWave(f"there is no wave {name} at this position")
        visit(name, ())
    return [*found]


def alive(fork: Fork) -> list[str]:
    """Waves that are not over, by name."""
    return sorted(
        name for (kind, name), state in fork.states.items() if kind == WAVE_KIND and state.status and state.status not in WAVES_OVER
    )


def narrowed(fork: Fork, needed: Iterable[Id]) -> Fork:
    """The fork with only what is needed and whatever that can meet: members of waves, the waves before them, the capacities all of
    these need, and whoever else that has not ended needs one of those as well."""
    kept = _Kept(fork, needed)
    states = {id_: state for id_, state in fork.states.items() if id_ in kept.ids}
    unsent = tuple(one for one in fork.unsent if (one.sent.kind, one.sent.command.envelope.aggregate) in kept.ids)
    return fork._replace(states=states, unsent=unsent)


class _Kept:
    """The smallest set that is closed: whoever is in it meets nobody outside."""

    def __init__(self, fork: Fork, needed: Iterable[Id]) -> None:
        self._fork, self._rivals = fork, _rivals(fork)
        self.ids: set[Id] = set()
        open_ = [*needed]
        while open_:
            id_ = open_.pop()
            if id_ not in self.ids:
                self.ids.add(id_)
                open_ += _NEXT[id_[0]](self, id_[1]) if id_[0] in _NEXT else ()

    def wave(self, name: str) -> list[Id]:
        state = self._fork.wave(name)
        members = [(MIGRATION, member) for member in members_of(state)]
        after = [(WAVE_KIND, other) for other in (*state.settings.after, *state.followers)]
        return [*members, *after, *((CAPACITY, limit) for limit in state.settings.limits)]

    def migration(self, name: str) -> list[Id]:
        state = self._fork.states.get((MIGRATION, name))
        if state is None or state.mode in OVER or not state.request:
            return []
        request = request_of(state)
        own = [(CAPACITY, limit) for limit in _limits(state)]
        return [*own, (WAVE_KIND, request.wave)] if request.wave else own

    def capacity(self, name: str) -> list[Id]:
        return self._rivals.get(name, [])


_NEXT = {MIGRATION: _Kept.migration, WAVE_KIND: _Kept.wave, CAPACITY: _Kept.capacity}


def _limits(state: MigrationState) -> Sequence[str]:
    return state.gates.limits if state.gates is not None else ()


def _rivals(fork: Fork) -> dict[str, list[Id]]:
    """By capacity: migrations on their way that need it, and waves that were started whose members do."""
    found: dict[str, list[Id]] = {}
    for id_, state in fork.states.items():
        if id_[0] == MIGRATION and state.mode not in OVER and _under_way(fork, state):
            for limit in _limits(state):
                found.setdefault(limit, []).append(id_)
        elif id_[0] == WAVE_KIND and state.status in STARTED:
            for limit in state.settings.limits:
                found.setdefault(limit, []).append(id_)
    return found


def _under_way(fork: Fork, state: MigrationState) -> bool:
    """Whether a migration may ask for slots by itself: its wave was started, or it has none."""
    wave = state.gates.wave if state.gates is not None else ""
    return not wave or fork.wave(wave).status in STARTED or bool(state.gates is not None and state.gates.slots)
