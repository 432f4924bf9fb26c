"""One run: the deciders and policies that ship, in virtual time, from the fork until every member of the waves asked for has ended."""

from collections import Counter
from typing import Any, NamedTuple

from libs.contracts.capacity import CapacitySettings
from libs.contracts.envelope import POLICY, CommandEnvelope
from libs.contracts.refusal import CommandRefused
from libs.contracts.waking import WAKES
from libs.contracts.wave import events as w
from libs.contracts.wave.commands import AddMembers, PlanWave, StartWave
from libs.domain.capacity.opening import opening_of
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.migration.archiving import OVER
from libs.domain.policies import POLICIES
from libs.domain.wave.evolving import PLANNED
from libs.rehearse.agenda import Agenda
from libs.rehearse.answering import Answer, Sent, answer
from libs.rehearse.draws import Draws
from libs.rehearse.fork import CAPACITY, MIGRATION, WAVE_KIND, Fork, Id, chain_of, members_of, request_of
from libs.rehearse.outcome import Outcome, Tally
from libs.rehearse.people import People
from libs.rehearse.what_if import Hypothetical, WhatIf, body_of
from libs.rehearse.workers import Workers

SECOND = 1_000_000
HORIZON_US = 2 * 366 * 86_400 * SECOND
"""How far ahead a run looks."""
MOST_STEPS, MOST_STEPS_A_MEMBER = 200_000, 500
"""Happenings after which a run is cut off; whoever else needs the same slots counts like a member."""
ACTOR = "rehearsal"
"""Who gives the hypothetical commands."""


class CannotStart(Exception):
    """A wave that the rehearsal had to start was refused; the message says which and why."""


class Case(NamedTuple):
    """What is run. `waves` are those asked for; those before them run as well."""

    fork: Fork
    waves: tuple[str, ...]
    what_if: WhatIf
    seed: int

    def chain(self) -> list[str]:
        """The waves asked for and those before them, in the order in which they can begin."""
        return chain_of(self.fork, self.waves, self.waves)

    def to_start(self) -> list[str]:
        """Waves that were only planned and are started at the fork, unless the what-if says when: those asked for, and those before them."""
        said = {one.aggregate for one in self.what_if.commands if one.command is StartWave}
        return [name for name in self.chain() if self.fork.wave(name).status == PLANNED and name not in said]


class World:
    """Everything in one run. Make one for each run; `run` may be called once."""

    def __init__(self, case: Case, number: int) -> None:
        fork = case.fork
        self.fork, self.case = fork, case
        self.agenda = Agenda(fork.at)
        self.draws = Draws(fork.history, case.what_if.factors, case.seed, number)
        self.states = dict(fork.states)
        self.members = {name: tuple(members_of(fork.wave(name))) for name in case.waves}
        self.tally = Tally(fork, self.members)
        self.people = People(self)
        self._workers = Workers(self)
        self._woken: dict[tuple[str, str], int] = {}
        self._arrivals: dict[tuple[Id, Id], int] = {}
        self._sent: dict[tuple[str, str, str], int] = {}
        self._asked = 0
        self._joining = sum(one.command is AddMembers for one in case.what_if.commands)
        self.refused: dict[int, str] = {}

    def run(self) -> Outcome:
        """From the fork to the end."""
        for id_ in self.states:
            self._look(id_, None, self.states[id_])
        for sender, sent in self.fork.unsent:
            self._send(sent, sender)
        for number, hypothetical in enumerate(self.case.what_if.commands):
            self.agenda.later(hypothetical.at - self.fork.at, self._suppose, number, hypothetical)
        for name in self.case.to_start():
            self.agenda.later(0, self._start, name)
        return self._outcome(self._to_the_end())

    def _to_the_end(self) -> bool:
        """Whether it had to be cut off."""
        most = MOST_STEPS + MOST_STEPS_A_MEMBER * max(len(self.states), sum(map(len, self.members.values())))
        latest = self.fork.at + HORIZON_US
        while not self.tally.over or self._joining:
            if self.agenda.count > most or self.agenda.next_at > latest:
                return True
            if not self.agenda.step():
                return False
        return False

    def _start(self, wave: str) -> None:
        for entry, _ in self.ask(WAVE_KIND, wave, StartWave(reason=ACTOR)).events:
            if type(entry.body) is CommandRefused:
                raise CannotStart(f"wave {wave} cannot be started: {entry.body.message}")

    def ask(self, kind: str, aggregate: str, body: Any, actor: str = ACTOR) -> Answer:
        """A person's command, decided at once."""
        self._asked += 1
        return self.deliver(Sent(kind, Command(self.envelope(aggregate, f"rehearsal/{aggregate}/{self._asked}", actor), body)))

    def envelope(self, aggregate: str, command_id: str, actor: str) -> CommandEnvelope:
        """Envelope of a command that does not come from a policy."""
        return CommandEnvelope(
            command_id=command_id,
            tenant=self.fork.tenant,
            aggregate=aggregate,
            environment=self.fork.environment,
            actor=actor,
            correlation_id=ACTOR,
            occurred_at=self.agenda.now,
        )

    def _suppose(self, number: int, hypothetical: Hypothetical) -> None:
        self._joining -= hypothetical.command is AddMembers
        state = self._state(hypothetical.kind, hypothetical.aggregate)
        if hypothetical.kind == CAPACITY:
            settings: Any = opening_of(state.settings).settings if state.settings else CapacitySettings()
        else:
            settings = state.settings if hypothetical.command is PlanWave else None
        answered = self.ask(hypothetical.kind, hypothetical.aggregate, body_of(hypothetical, settings, f"commands[{number}]"))
        for entry, _ in answered.events:
            if type(entry.body) is CommandRefused:
                self.refused[number] = entry.body.message

    def _state(self, kind: str, aggregate: str) -> Any:
        return self.states.get((kind, aggregate), DECIDERS[kind].initial)

    def deliver(self, sent: Sent) -> Answer:
        """Decide a command, and let happen what follows from it."""
        kind, command = sent
        id_ = (kind, command.envelope.aggregate)
        before = self._state(*id_)
        answered = answer(DECIDERS[kind], POLICIES, before, command, self.agenda.now)
        if not answered.events or not answered.exists:
            return answered
        self.states[id_] = answered.state
        for entry, _ in answered.events:
            if type(entry.body) is w.MembersAdded and id_[1] in self.members:
                for member in entry.body.members:
                    self.tally.join(id_[1], member.migration, self.states.get((MIGRATION, member.migration)))
            self.tally.take(kind, entry.envelope, entry.body, answered.state)
            if kind == WAVE_KIND:
                self.people.hear(id_[1], entry.body)
        for consequence in answered.sent:
            self._send(consequence, id_)
        self._look(id_, before, answered.state)
        return answered

    def _send(self, sent: Sent, sender: Id) -> None:
        """A policy's command on its way: those of one aggregate to another arrive in the order in which they were sent.

        Those of others may overtake: how late each is was drawn already, and would count once more if it waited for whoever is later.
        """
        target = (sent.kind, sent.command.envelope.aggregate)
        policy = sent.command.envelope.actor.removeprefix(POLICY)
        count = self._sent[policy, *target] = self._sent.get((policy, *target), 0) + 1
        now = self.agenda.now
        at = max(self._arrivals.get((sender, target), 0), now + self.draws.lag(policy, f"{policy}/{target[1]}/{count}"))
        self._arrivals[sender, target] = at
        self.agenda.later(at - now, self.deliver, sent)

    def _look(self, id_: tuple[str, str], before: Any, state: Any) -> None:
        """See what a new state asks for: a wake, work, a person."""
        kind, aggregate = id_
        sleeps = kind in WAKES and getattr(state, "mode", "") not in OVER  # what has ended waits only for the archive
        if sleeps and state.wake_at and self._woken.get(id_) != state.wake_at:
            self._woken[id_] = state.wake_at
            late = self.draws.wake(f"{aggregate}/{state.wake_at}")
            self.agenda.later(max(0, state.wake_at - self.agenda.now) + late, self._wake, id_, state.wake_at)
        if kind == MIGRATION:
            self._workers.see(aggregate, before, state)
            self.people.see_migration(aggregate, before, state)
        elif kind == WAVE_KIND:
            self.people.see_wave(aggregate, before, state)

    def _wake(self, id_: tuple[str, str], wake_at: int) -> None:
        if self._state(*id_).wake_at == wake_at:
            envelope = self.envelope(id_[1], f"{self.fork.tenant}/{id_[1]}/wake/{wake_at}", "verifier")
            self.deliver(Sent(id_[0], Command(envelope, WAKES[id_[0]](wake_at=wake_at))))

    def _outcome(self, truncated: bool) -> Outcome:
        tally = self.tally
        resting = {name: self._standing(name) for wave in sorted(tally.open) for name in sorted(tally.open[wave])}
        ends = dict.fromkeys(tally.waves_of, "") | resting | {name: end for name, (end, _) in tally.ended.items()}
        return Outcome(
            finished=(tally.finished or self.fork.at) if tally.over else 0,
            waves={name: 0 if tally.open[name] else tally.waves.get(name, self.fork.at) for name in tally.open},
            ends=Counter(ends.values()),
            resting=resting,
            late=tuple(sorted(name for name in tally.waves_of if self._late(name))),
            running=tally.running,
            held=tally.held,
            told=tally.told,
            refused=tuple(sorted(self.refused.items())),
            truncated=truncated,
            events=tally.events,
            digest=tally.digest,
            bases=self.draws.bases,
        )

    def _standing(self, migration: str) -> str:
        state = self.states.get((MIGRATION, migration))
        if state is None or not state.stream.version:
            return "not requested"
        if state.mode in OVER:
            return str(state.status)
        waits = state.gates.at if state.gates is not None else ""
        return f"waiting for {waits}" if waits else str(state.status)

    def _late(self, migration: str) -> bool:
        state = self.states.get((MIGRATION, migration))
        if state is None or not state.request or not request_of(state).due_at:
            return False
        end, at = self.tally.ended.get(migration, ("", 0))
        return end != "completed" or at > request_of(state).due_at
