"""A validator in a bottle: real deciders and policies on a queue of commands; its process may die before any commit."""

from collections import deque
from collections.abc import Iterator
from copy import copy
from typing import Any

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.waking import WAKES
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.migration.archiving import ENDED
from libs.domain.policies import POLICIES
from libs.rehearse.answering import Sent, answer

TENANT = "acme"
START = 1_750_000_000_000_000
BATCH = 16
Key = tuple[str, str]


class Bottle:
    """States by kind and id, commands under way, and the time in microseconds since the epoch."""

    def __init__(self) -> None:
        self.states: dict[Key, Any] = {}
        self.queue: deque[Sent] = deque()
        self.now, self.batches, self._sent = START, 0, 0

    def fork(self) -> "Bottle":
        """The same once more; states are never changed in place."""
        other = copy(self)
        other.states, other.queue = dict(self.states), deque(self.queue)
        return other

    def state(self, kind: str, aggregate: str) -> Any:
        """Committed state of an aggregate."""
        return self.states.get((kind, aggregate), DECIDERS[kind].initial)

    def of(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Aggregates of a kind, by id."""
        return ((aggregate, state) for (one, aggregate), state in sorted(self.states.items(), key=lambda item: item[0]) if one == kind)

    def tell(self, kind: str, aggregate: str, body: Any, *, command_id: str = "", actor: str = "subject-1") -> None:
        """Send a command."""
        self._sent += 1
        envelope = CommandEnvelope(
            command_id=command_id or f"client-{self._sent}", tenant=TENANT, aggregate=aggregate, environment="dev", actor=actor,
            correlation_id=aggregate, occurred_at=self.now,
        )  # fmt: skip
        self.queue.append(Sent(kind, Command(envelope, body)))

    def settle(self, dies_at: int = -1) -> None:
        """Decide until no command is left; the process dies once, with the batch of that number decided and not committed."""
        while self.queue:
            batch = [self.queue[place] for place in range(min(BATCH, len(self.queue)))]
            overlay, sent = self._decided(batch)
            if self.batches == dies_at:
                dies_at = -1
                continue
            self.batches += 1
            self.states.update(overlay)
            for _ in batch:
                self.queue.popleft()
            self.queue.extend(sent)

    def _decided(self, batch: list[Sent]) -> tuple[dict[Key, Any], list[Sent]]:
        overlay: dict[Key, Any] = {}
        sent: list[Sent] = []
        for kind, command in batch:
            key = (kind, command.envelope.aggregate)
            self.now += 1
            found = answer(DECIDERS[kind], POLICIES, overlay.get(key, self.state(*key)), command, self.now)
            if found.exists:
                overlay[key] = found.state
            sent += found.sent
        return overlay, sent

    def wait(self) -> bool:
        """Let time pass until something is due, and wake what asked for it; False once nothing is left but to archive what has ended."""
        due = [work.not_before for _, state in self.of("migration") for work in state.pending]
        wakes = [
            (state.wake_at, kind, aggregate)
            for (kind, aggregate), state in sorted(self.states.items())
            if getattr(state, "wake_at", 0) and getattr(state, "mode", "") != ENDED
        ]
        moments = [*due, *(at for at, _, _ in wakes)]
        if not moments:
            return False
        self.now = max(self.now, min(moments))
        for at, kind, aggregate in wakes:
            if at <= self.now:
                self.tell(kind, aggregate, WAKES[kind](wake_at=at), command_id=f"wake-{aggregate}-{at}", actor="service:verifier")
        return True
