"""What our own log says about how long things take and how they end: samples by provider, step and direction. Pure."""

from typing import NamedTuple

from libs.contracts.envelope import POLICY, EventEnvelope
from libs.contracts.migration.plan import Plan

OK, AGAIN, DEAD, OPEN = "ok", "again", "dead", "open"
RETRY, ROLL_BACK, CANCEL, SKIP, REFUSE = "retry", "roll_back", "cancel", "skip", "refuse"
"""What people do instead of waiting for an end; retry may name the step that it goes back to."""
LAG, WAKE, SETTLE = "lag", "wake", "settle"
"""Directions of what is no work: a policy's command or a wake on its way, work that is called back."""
APPROVAL, HELD, STUCK, STOPPED, UNBLOCK = "approval", "held", "stuck", "stopped", "unblock"
"""Directions of what waits for a person: approval, a failed step, a stuck compensation, a stopped wave, members blocked for good."""
MOST_SAMPLES = 2_000
"""Samples kept of each kind, the latest."""
BLOCKS = 20
"""Stretches of time that history is cut into, each with as many samples as the others."""


class Attempt(NamedTuple):
    """How one attempt went: microseconds until its end was recorded, and ok, again (tried once more), dead (failed for good), or what a
    person did meanwhile; open for one that had lasted so long where history ends."""

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


class Learner:
    """Takes samples in any order; libs.rehearse.learning takes them from events."""

    def __init__(self) -> None:
        self._found: dict[Key, list[tuple[int, Course]]] = {}
        self._plans: dict[str, tuple[int, Plan]] = {}
        self._answered = ""
        self._open: list[tuple[Key, int, Course]] = []

    def lag(self, envelope: EventEnvelope) -> None:
        """Learn how late a policy's command or a wake came, from an event that answers it: from the first, where several do."""
        if envelope.causation_id == self._answered:
            return
        self._answered = envelope.causation_id
        if envelope.actor.startswith(POLICY):
            self.wait(Key("", envelope.actor[len(POLICY) :], LAG), envelope.occurred_at, envelope.recorded_at)
            return
        _, mark, moment = envelope.causation_id.rpartition("/wake/")
        if mark and moment.isdecimal():
            self.wait(Key("", "", WAKE), int(moment), envelope.recorded_at)

    def wait(self, key: Key, since: int, at: int, outcome: str = OK) -> None:
        """Learn how long something was waited for, and what it came to."""
        self.course(key, at, (Attempt(max(0, at - since), outcome),))

    def plan(self, at: int, plan: Plan) -> None:
        """Remember the latest plan of a provider."""
        if at >= self._plans.get(plan.provider, (0, plan))[0]:
            self._plans[plan.provider] = (at, plan)

    def course(self, key: Key, at: int, course: Course) -> None:
        """One more sample."""
        self._found.setdefault(key, []).append((at, course))

    def still(self, key: Key, since: int, attempts: Course) -> None:
        """Learn of work that is on its way where history ends, after attempts that failed: it takes at least as long as it has lasted."""
        self._open.append((key, since, attempts))

    def _learnt(self) -> dict[Key, list[tuple[int, Course]]]:
        """Everything that has ended, and what is on its way, as of when it began: were it of the last moment, it would be of one stretch."""
        learnt = {key: [*courses] for key, courses in self._found.items()}
        now = max((at for courses in self._found.values() for at, _ in courses), default=0)
        for key, since, attempts in self._open:
            if since < now:
                learnt.setdefault(key, []).append((since, (*attempts, Attempt(now - since, OPEN))))
        return learnt

    def history(self) -> History:
        """What was learnt so far, with samples of any step, and of any provider, beside those of each."""
        found: dict[Key, list[tuple[int, Course]]] = {}
        for key, courses in sorted(self._learnt().items()):
            for wider in dict.fromkeys((key, key._replace(step=""), Key("", "", key.direction))):
                found.setdefault(wider, []).extend(courses)
        latest = {key: _latest(courses) for key, courses in found.items()}
        moments = sorted(at for courses in latest.values() for at, _ in courses)
        bounds = [moments[len(moments) * number // BLOCKS] for number in range(1, BLOCKS)] if moments else []
        plans = {provider: plan for provider, (_, plan) in sorted(self._plans.items())}
        return History({key: _samples(courses, bounds) for key, courses in latest.items()}, plans)


def _latest(courses: list[tuple[int, Course]]) -> list[tuple[int, Course]]:
    """As many as are kept, in order. Work on its way counts where it is held against all that ended: beside the last of many alone,
    what lasts long would count too much."""
    ended = [sample for sample in courses if sample[1][-1].outcome != OPEN]
    if len(ended) > MOST_SAMPLES:
        return sorted(ended)[-MOST_SAMPLES:]
    return sorted(courses)[:: -(-len(courses) // MOST_SAMPLES)]


def _samples(courses: list[tuple[int, Course]], bounds: list[int]) -> Samples:
    blocks = tuple(sum(at >= bound for bound in bounds) for at, _ in courses)
    return Samples(tuple(course for _, course in courses), blocks)
