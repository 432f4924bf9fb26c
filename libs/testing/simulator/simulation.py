"""One run: a queue of things that happen in virtual time, in an order that the seed decides."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from libs.contracts.capacity import AcquireSlot, CapacityState, SlotRefused
from libs.contracts.envelope import CommandEnvelope
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command, Context, Decider
from libs.domain.migration import DECIDER
from libs.domain.migration.archiving import ARCHIVED
from libs.domain.policies import POLICIES
from libs.rehearse.agenda import Agenda
from libs.rehearse.answering import Sent
from libs.testing.simulator.chance import Chance
from libs.testing.simulator.faults import MS, SECOND, USUAL, Faults
from libs.testing.simulator.fleet import known_ends
from libs.testing.simulator.invariants import Violation
from libs.testing.simulator.log import MIGRATION, Log
from libs.testing.simulator.people import People
from libs.testing.simulator.plans import WAVES
from libs.testing.simulator.workers import Migrator, Verifier
from libs.testing.simulator.world import World

TENANT = "acme"
MOST_HELD = 2
"""Holders and waiting for whom a simulated capacity has room."""


def _narrow(state: CapacityState, command: Any, ctx: Context) -> Sequence[Any]:
    """A capacity that refuses even a place in the queue long before five thousand ask."""
    decided = DECIDERS["capacity"].decide(state, command, ctx)
    if isinstance(command, AcquireSlot) and decided and state.held + state.queued >= MOST_HELD:
        return [SlotRefused(holder=command.holder, retry_at=ctx.now + 20 * SECOND)]
    return decided


OTHERS = {"capacity": DECIDERS["capacity"]._replace(decide=_narrow), "wave": DECIDERS["wave"]}
START = 1_767_225_600 * SECOND
MOST_EVENTS = 20_000
"""Happenings after which a run counts as one that never ends."""


class Simulation:
    """Some migrations, from their request to their end. `run` raises Violation.

    With `fleet` they wait for slots of capacities that they share, and move in waves.
    """

    def __init__(self, seed: int, *, faults: Faults = USUAL, decider: Decider = DECIDER, migrations: int = 2, fleet: bool = False) -> None:
        self.chance, self.faults, self.fleet = Chance(seed), faults, fleet
        self._agenda = Agenda(START)
        self.later = self._agenda.later
        self.log = Log(decider, others=OTHERS, policies=POLICIES) if fleet else Log(decider)
        self.aggregates = [f"mig-{number}" for number in range(1, migrations + 1)]
        self.worlds = {aggregate: World() for aggregate in self.aggregates}
        self._topic: list[Sent] = []
        self._arrivals: dict[str, int] = {}
        self._polling = False
        self._workers = (Migrator(self), Verifier(self))
        self._people = People(self)

    @property
    def now(self) -> int:
        """Virtual time, in microseconds since the epoch."""
        return self._agenda.now

    @property
    def calm(self) -> bool:
        """True once nothing new goes wrong any more."""
        return self.now - START >= self.faults.calm_at

    def goes_wrong(self, probability: float) -> bool:
        """Whether a fault of this probability strikes here and now."""
        return not self.calm and self.chance.happens(probability)

    def send(self, aggregate: str, command_id: str, body: Any, *, actor: str, expected_version: int = -1, kind: str = MIGRATION) -> None:
        """Send a command: it arrives at least once, some time, maybe after later ones."""
        envelope = CommandEnvelope(
            command_id=command_id,
            tenant=TENANT,
            aggregate=aggregate,
            environment="simulation",
            actor=actor,
            correlation_id=aggregate,
            occurred_at=self.now,
            expected_version=expected_version,
        )
        for _ in range(2 if self.goes_wrong(self.faults.duplicate) else 1):
            delay = self.chance.between(SECOND, 60 * SECOND) if self.goes_wrong(self.faults.late) else self.chance.between(MS, 20 * MS)
            self.later(delay, self._arrive, Sent(kind, Command(envelope, body)))

    def _follow_up(self, sent: Sent) -> None:
        """A command of a policy: written with its cause, so exactly once, and read in the order in which they were written."""
        target = sent.command.envelope.aggregate
        self._arrivals[target] = max(self._arrivals.get(target, 0) + 1, self.now + self.chance.between(MS, 5 * SECOND))
        self.later(self._arrivals[target] - self.now, self._arrive, sent)

    def _arrive(self, sent: Sent) -> None:
        self._topic.append(sent)
        if not self._polling:
            self._polling = True
            self.later(self.chance.between(MS, 10 * MS), self._poll)

    def _poll(self) -> None:
        batch = self._topic[: self.chance.between(1, 8)]
        for kind, command in batch:
            self.log.decide(command, self.now, kind)
        if self.goes_wrong(self.faults.lost_batch):
            self.log.abandon()
            self.later(2 * SECOND, self._poll)
            return
        del self._topic[: len(batch)]
        changed, sent = self.log.commit()
        for aggregate in sorted(changed):
            for worker in self._workers:
                self.later(self.chance.between(MS, 20 * MS), worker.see, aggregate, changed[aggregate])
        for consequence in sent:
            self._follow_up(consequence)
        self._polling = bool(self._topic)
        if self._polling:
            self.later(MS, self._poll)

    def run(self) -> None:
        """From the requests to the end, with all that happens on the way. Raises Violation."""
        self._people.begin()
        while self._agenda.step():
            if self._agenda.count > MOST_EVENTS:
                raise Violation("I18", f"it does not end: {[self.log.state(a).status for a in self.aggregates]}")
        for aggregate in self.aggregates:
            state = self.log.state(aggregate)
            if state.mode != ARCHIVED:
                raise Violation("I18", f"{aggregate} came to rest as {state.status} without having ended")
            self.worlds[aggregate].agree(replace(state, status=self._end_of(aggregate)), self.log.ledgers[aggregate])
        if self.log.fleet:
            self.log.fleet.at_rest()
            for wave in WAVES:
                known_ends(self.log.state(wave, "wave"), self._end_of)

    def _end_of(self, aggregate: str) -> str:
        return self.log.ledgers[aggregate].ended_as if aggregate in self.log.ledgers else ""
