"""One migration of somebody's own steps: decider, worker, the other system and what goes wrong there, in one event loop."""

import asyncio
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.request import Request
from libs.contracts.work import MIGRATOR, VERIFIER
from libs.domain.decider import Command
from libs.domain.history import digest_of, respond
from libs.domain.migration import DECIDER
from libs.edge.reports import WorkReport
from libs.own_steps.desk import Desk
from libs.own_steps.steps import Steps
from libs.own_steps.store import Store
from libs.own_steps.work import Work
from libs.providers.external.message import Message, micros_of
from libs.providers.external.outside import Told as Outcome
from libs.providers.external.provider import ExternalProvider
from libs.testing.given_when_then import AGGREGATE, NOW, append, envelope_of
from libs.testing.mortal import Mortal
from libs.testing.own_steps_worker import TrialWorker

END = ("ended", "held", "stuck")
DOWN_S, LATE_S, AGAIN_S = 1.0, 1.0, 5.0
"""How long a crashed system is away, how long after its deadline a late report comes, and how much later a repeat, in virtual seconds."""
MOST_SECONDS = 400 * 86_400.0


class Fault(NamedTuple):
    """Something that goes wrong at the first attempt of one piece of work."""

    kind: str
    """crash (the other system dies before its `at`-th await and comes back), duplicate (told again at once, and later),
    silence (told and forgotten), late (reported after the deadline)."""
    step: str
    direction: str = "apply"
    chunk: str = "-"
    at: int = 0


class Told(NamedTuple):
    """One piece of work as it was begun."""

    step: str
    direction: str
    chunk: str
    attempt: int
    awaits: int


class Trial:
    """Also the `Outside` of the provider: what is told goes straight to the other system's desk."""

    def __init__(
        self, steps: Steps, parameters: dict[str, Any], source: dict[str, Any], target: dict[str, Any], faults: list[Fault]
    ) -> None:
        self.faults, self.struck, self.told = faults, list[Fault](), list[Told]()
        self.types, self.evidence, self.problems = list[str](), dict[str, dict[str, Any]](), list[str]()
        self._steps, self._state, self._life = steps, DECIDER.initial, _Life(self, 0)
        self._store, self._tasks = Store(), set[asyncio.Task[None]]()
        options = msgspec.json.encode(steps.options(parameters, kafka={"topic": "trial.external-work"})).decode()
        where = [msgspec.json.encode(place).decode() for place in (source, target)]
        self._request = Request(provider="external", application="trial", source=where[0], target=where[1], options=options)
        provider = ExternalProvider(self)
        self._workers = [TrialWorker(name, provider, self) for name in (MIGRATOR, VERIFIER)]

    @property
    def status(self) -> str:
        """What people would be shown."""
        return str(self._state.status)

    def now(self) -> int:
        """Microseconds since the epoch, in virtual time."""
        return NOW + int(asyncio.get_running_loop().time() * 1_000_000)

    async def to_its_end(self, wish: Any, after: str, seconds: float) -> float:
        """Ask for the migration, drive it until it ends or needs a person; returns how long that took.

        The wish is sent once, seconds after the success of the step `after`.
        """
        self._ended, self._wish, self._after, self._later_s = asyncio.Event(), wish, after, seconds
        self.decide(c.RequestMigration(request=self._request), "request")
        async with asyncio.timeout(MOST_SECONDS):
            await self._ended.wait()
        return asyncio.get_running_loop().time()

    def decide(self, body: Any, command_id: str) -> None:
        """Let the real decider answer a command, and the workers follow the new state."""
        envelope = envelope_of(command_id, now=self.now())
        digest = digest_of(DECIDER, body)
        answer = list(respond(DECIDER, self._state, Command(envelope, body), self.now(), digest))
        if not answer:
            return
        self._state, _ = append(DECIDER, self._state, envelope, answer, self.now(), digest)
        for event in answer:
            self._note(event)
        for worker in self._workers:
            worker.follow(self._state, AGGREGATE)
        if any(isinstance(event, e.StepSucceeded) and event.name == self._after for event in answer):
            asyncio.get_running_loop().call_later(self._later_s, self.decide, self._wish, "wish")
        if self._state.mode in END:
            self._ended.set()

    def _note(self, event: Any) -> None:
        self.types.append(type(event).__name__)
        if isinstance(event, e.MigrationRejected):
            raise AssertionError(f"the request is refused: {event.problems}")
        if isinstance(event, e.StepSucceeded | e.ChunkSucceeded) and event.evidence:
            self.evidence[event.name] = dict(event.evidence)
        if isinstance(event, e.AttemptFailed | e.StepFailed | e.RollbackStuck):
            self.problems.append(event.problem.code)

    def topic_refusal(self, topic: str) -> str:
        """Any topic will do."""
        return ""

    url_refusal = topic_refusal

    def ticket(self, work_id: str, attempt: int) -> str:
        """Nobody asks for it here."""
        return f"{work_id}#{attempt}"

    async def post(self, url: str, secret: str, message_id: str, payload: str) -> Outcome:
        """Steps are told on a topic."""
        return Outcome("steps are tried without a webhook", final=True)

    async def publish(self, topic: str, key: str, message_id: str, payload: str) -> Outcome:
        """Hand the message to the other system, or do with it what a fault says."""
        data = msgspec.json.decode(payload, type=Message).data
        if not self._strikes("silence", data.step, data.direction, data.chunk, data.attempt):
            self._store.keep(data, payload)
            self._begin(payload)
            if self._strikes("duplicate", data.step, data.direction, data.chunk, data.attempt):
                self._begin(payload)
                asyncio.get_running_loop().call_later(AGAIN_S, self._begin, payload)
        return Outcome()

    def _strikes(self, kind: str, step: str, direction: str, chunk: str, attempt: int, at: int = 0) -> bool:
        fault = Fault(kind, step, direction, chunk, at)
        if fault not in self.faults or fault in self.struck or attempt > 1:
            return False
        self.struck.append(fault)
        return True

    def _begin(self, payload: str) -> None:
        if not self._life.lasts:
            return  # it was kept, and is taken up when the system is back
        task = asyncio.get_running_loop().create_task(self._take(payload, self._life))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, payload: str, life: "_Life") -> None:
        data = msgspec.json.decode(payload, type=Message).data
        report = await life.desk.take(data)
        if not life.lasts or report is None:
            return
        self._store.answered(data)
        if self._strikes("late", data.step, data.direction, data.chunk, data.attempt):
            await asyncio.sleep(max(0.0, (micros_of(data.deadline) - self.now()) / 1_000_000) + LATE_S)
        said = WorkReport.model_validate_json(msgspec.json.encode(report))
        self.decide(said.command(data.work_id), f"{data.work_id}#{data.attempt}")

    async def live(self, work: Work, life: "_Life") -> Any:
        """Carry out a step in one life of the other system, which may end at any of its awaits."""
        data = work.data
        place = data.step, data.direction, data.chunk

        def dies(awaits: int) -> bool:
            if life.lasts and self._strikes("crash", *place, data.attempt, awaits):
                life.lasts = False
                asyncio.get_running_loop().call_later(DOWN_S, self._rise)
            return not life.lasts

        mortal = Mortal(self._steps.carry_out(work), dies)
        try:
            return await mortal
        finally:
            self.told.append(Told(*place, data.attempt, mortal.awaits))

    def _rise(self) -> None:
        """A new process of the other system: what it was told and has not answered it takes up again."""
        self._life = _Life(self, self._life.number + 1)
        for payload in self._store.unanswered():
            self._begin(payload)

    def desk(self, life: "_Life") -> Desk:
        """The desk of a life; what must survive is in the store."""
        return Desk(life, self._store, self.now)


class _Life:
    """One process of the other system, from its start to its crash."""

    def __init__(self, trial: Trial, number: int) -> None:
        self._trial, self.number, self.lasts = trial, number, True

    @cached_property
    def desk(self) -> Desk:
        return self._trial.desk(self)

    async def carry_out(self, work: Work) -> Any:
        """What a desk asks for."""
        return await self._trial.live(work, self)
