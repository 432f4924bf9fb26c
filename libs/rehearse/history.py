"""What our own log says about how long things take and how they end: learnt from events, migration by migration. Pure."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from libs.contracts.envelope import POLICY, EventEnvelope
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Plan
from libs.contracts.work import PLAN, UNDO
from libs.rehearse.answering import Entry

OK, AGAIN, DEAD = "ok", "again", "dead"
APPROVAL, LAG, WAKE = "approval", "lag", "wake"
"""Directions of what is no work: a person's approval, a policy's command on its way, a wake on its way."""
MOST_SAMPLES = 2_000
"""Samples kept of each kind, the latest."""
BLOCKS = 20
"""Stretches of time that history is cut into, each with as many samples as the others."""


class Attempt(NamedTuple):
    """How one attempt went: microseconds until its end was recorded, and ok, again (tried once more) or dead (failed for good)."""

    took: int
    outcome: str


Course = tuple[Attempt, ...]
"""Every attempt of one work item, from its dispatch to its end: what failed before tells how likely it fails again."""


class Key(NamedTuple):
    """What samples are about: provider, step and direction of work. An empty provider or step means any."""

    provider: str
    step: str
    direction: str


class Samples(NamedTuple):
    """Courses in the order in which they ended, and the stretch of time that each ended in."""

    courses: tuple[Course, ...]
    blocks: tuple[int, ...]


class History(NamedTuple):
    """What was learnt. `plans` has the latest plan of each provider."""

    samples: dict[Key, Samples]
    plans: dict[str, Plan]

    def of(self, key: Key) -> Samples:
        """Samples of a key; none where there are none."""
        return self.samples.get(key, _NONE)


_NONE = Samples((), ())


class _Open:
    """A work item on its way."""

    def __init__(self, key: Key, begins: int) -> None:
        self.key, self.begins, self.attempts = key, begins, list[Attempt]()

    def attempt(self, ends: int, outcome: str) -> None:
        self.attempts.append(Attempt(max(0, ends - self.begins), outcome))


class Learner:
    """Takes the events of one migration after the other, in any order of migrations."""

    def __init__(self) -> None:
        self._found: dict[Key, list[tuple[int, Course]]] = {}
        self._plans: dict[str, tuple[int, Plan]] = {}

    def lag(self, envelope: EventEnvelope) -> None:
        """Learn how late a policy's command or a wake came, from an event that answers it."""
        if envelope.actor.startswith(POLICY):
            self._learn(Key("", envelope.actor[len(POLICY) :], LAG), envelope.recorded_at, envelope.recorded_at - envelope.occurred_at)
            return
        _, mark, moment = envelope.causation_id.rpartition("/wake/")
        if mark and moment.isdecimal():
            self._learn(Key("", "", WAKE), envelope.recorded_at, envelope.recorded_at - int(moment))

    def migration(self, entries: Iterable[Entry]) -> None:
        """Learn from the events of one migration, in their order."""
        _Reader(self).read(entries)

    def plan(self, at: int, plan: Plan) -> None:
        """Remember the latest plan of a provider."""
        if at >= self._plans.get(plan.provider, (0, plan))[0]:
            self._plans[plan.provider] = (at, plan)

    def course(self, key: Key, at: int, course: Course) -> None:
        """One more sample."""
        self._found.setdefault(key, []).append((at, course))

    def _learn(self, key: Key, at: int, took: int) -> None:
        self.course(key, at, (Attempt(max(0, took), OK),))

    def history(self) -> History:
        """What was learnt so far, with samples of any step, and of any provider, beside those of each."""
        found: dict[Key, list[tuple[int, Course]]] = {}
        for key, courses in sorted(self._found.items()):
            for wider in dict.fromkeys((key, key._replace(step=""), Key("", "", key.direction))):
                found.setdefault(wider, []).extend(courses)
        latest = {key: sorted(courses)[-MOST_SAMPLES:] for key, courses in found.items()}
        moments = sorted(at for courses in latest.values() for at, _ in courses)
        bounds = [moments[len(moments) * number // BLOCKS] for number in range(1, BLOCKS)] if moments else []
        plans = {provider: plan for provider, (_, plan) in sorted(self._plans.items())}
        return History({key: _samples(courses, bounds) for key, courses in latest.items()}, plans)


def _samples(courses: list[tuple[int, Course]], bounds: list[int]) -> Samples:
    blocks = tuple(sum(at >= bound for bound in bounds) for at, _ in courses)
    return Samples(tuple(course for _, course in courses), blocks)


class _Reader:
    """Reads one migration."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._provider, self._approval = "", 0
        self._open: dict[str, _Open] = {}
        self._caused = ""

    def read(self, entries: Iterable[Entry]) -> None:
        for envelope, body in entries:
            if envelope.causation_id != self._caused:
                self._caused = envelope.causation_id
                self._learner.lag(envelope)
            self._take(envelope.recorded_at, body)

    def _take(self, at: int, body: Any) -> None:
        match body:
            case e.MigrationRequested():
                self._provider = body.request.provider
            case e.WorkDispatched():
                work = body.work
                key = Key(self._provider, body.name or PLAN, work.direction)
                self._open[work.work_id] = _Open(key, max(at, work.not_before))
            case e.AttemptFailed():
                self._again(at, body)
            case e.StepSucceeded() | e.ChunkSucceeded() | e.StepCompensated():
                self._close(body.work_id, at, OK)
            case e.StepFailed():
                self._close(body.work_id, at, DEAD)
            case e.RollbackStuck():
                for work_id in [id_ for id_, open_ in self._open.items() if open_.key.direction == UNDO]:
                    self._close(work_id, at, DEAD)
            case e.MigrationPlanned():
                self._learner.plan(at, body.plan)
                self._planned(at, OK)
            case e.MigrationRejected():
                self._planned(at, DEAD)
            case e.WorkSettled():
                self._open.pop(body.work_id, None)  # called back: it would have taken another time
            case e.ApprovalRequested():
                self._approval = at
            case e.ApprovalGiven() if self._approval:
                self._learner.course(Key(self._provider, body.name, APPROVAL), at, (Attempt(at - self._approval, OK),))

    def _planned(self, at: int, outcome: str) -> None:
        for work_id in [id_ for id_, open_ in self._open.items() if open_.key.direction == PLAN]:
            self._close(work_id, at, outcome)

    def _again(self, at: int, body: e.AttemptFailed) -> None:
        open_ = self._open.get(body.retry.work_id)
        if open_ is not None:
            open_.attempt(at, AGAIN)
            open_.begins = body.retry.not_before

    def _close(self, work_id: str, at: int, outcome: str) -> None:
        open_ = self._open.pop(work_id, None)
        if open_ is not None:
            open_.attempt(at, outcome)
            self._learner.course(open_.key, at, tuple(open_.attempts))
