"""Events of the log folded into a fork: states, what policies sent that nothing answered yet, who is told, what history teaches. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.contracts.envelope import POLICY, EventEnvelope
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.history import advance
from libs.domain.migration.archiving import OVER
from libs.domain.policies import POLICIES
from libs.domain.policy import consequences
from libs.domain.subscription import ACTIVE
from libs.rehearse.answering import Entry, Sent
from libs.rehearse.fork import MIGRATION, WAVE_KIND, Fork, Id, Listener, Unsent, members_of
from libs.rehearse.history import History

SUBSCRIPTION = "subscription"
UNANSWERED_US = 600_000_000
"""How long before the fork an event is at most whose consequences may still be on their way."""


class _Folded(NamedTuple):
    """A state and when its last event was recorded; of a migration that is over, the one that ended it."""

    state: Any
    at: int


class Folding:
    """Takes events of each aggregate in their order; aggregates in any order."""

    def __init__(self, tenant: str) -> None:
        self._tenant, self._at, self._environment = tenant, 0, ""
        self._folded: dict[Id, _Folded] = {}
        self._sent: dict[tuple[Id, Id], list[tuple[int, Sent]]] = {}
        self._answered: set[str] = set()

    def take(self, kind: str, entry: Entry, hash_: bytes) -> bool:
        """Fold an event; False when it does not follow what is known of its aggregate: no event of the validator's."""
        envelope, body = entry
        decider, id_ = DECIDERS[kind], (kind, envelope.aggregate)
        state = self._folded[id_].state if id_ in self._folded else decider.initial
        if envelope.version != state.stream.version + 1 or envelope.previous != state.stream.head:
            return False
        over = kind == MIGRATION and state.mode in OVER
        state = replace(decider.evolve(state, body), stream=advance(state.stream, envelope, hash_))
        self._folded[id_] = _Folded(state, self._folded[id_].at if over else envelope.recorded_at)
        if envelope.recorded_at >= self._at:
            self._at, self._environment = envelope.recorded_at, envelope.environment
        if envelope.actor.startswith(POLICY):
            self._answered.add(envelope.causation_id)
        self._follow(id_, envelope, body, state)
        return True

    def _follow(self, id_: Id, envelope: EventEnvelope, body: Any, state: Any) -> None:
        """Note what policies send because of an event."""
        policy = POLICIES.get(type(body))
        for kind, command, asked in consequences(policy, body, envelope, state) if policy else ():
            between = self._sent.setdefault((id_, (kind, command.aggregate)), [])
            between.append((envelope.recorded_at, Sent(kind, Command(command, asked))))

    def members(self, waves: Sequence[str]) -> Iterator[str]:
        """Members of these waves and of those they come after."""
        names, seen = [*waves], set[str]()
        for name in names:
            folded = self._folded.get((WAVE_KIND, name))
            if name not in seen and folded is not None:
                seen.add(name)
                yield from members_of(folded.state)
                names += folded.state.settings.after

    def fork(self, position: str, learnt_at: str, history: History) -> Fork:
        """What was folded so far, as of this position, with history up to another."""
        return Fork(
            position=position,
            learnt_at=learnt_at,
            at=self._at,
            tenant=self._tenant,
            environment=self._environment,
            states={id_: folded.state for id_, folded in self._folded.items() if id_[0] != SUBSCRIPTION},
            unsent=tuple(self._unsent()),
            ended_at={name: folded.at for (kind, name), folded in self._folded.items() if kind == MIGRATION},
            history=history,
            listeners=tuple(self._listeners()),
        )

    def _unsent(self) -> list[Unsent]:
        """Commands of policies that may still be on their way: those after the last that was answered, of one aggregate to another.

        Of these some were answered by nothing, being stale: they are so once more.
        """
        found: list[tuple[int, Unsent]] = []
        for (sender, _), between in self._sent.items():
            last = max((n for n, (_, sent) in enumerate(between) if sent.command.envelope.command_id in self._answered), default=-1)
            found += [(at, Unsent(sender, sent)) for at, sent in between[last + 1 :] if at >= self._at - UNANSWERED_US]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _listeners(self) -> Iterator[Listener]:
        for (kind, name), (state, _) in sorted(self._folded.items(), key=lambda item: item[0]):
            if kind == SUBSCRIPTION and state.status == ACTIVE:
                yield Listener(name, state.interest, state.since)
