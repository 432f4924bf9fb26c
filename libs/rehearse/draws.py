"""What chance says in one run: everything is drawn by name, so a change of one thing does not shuffle what all others draw.

Each run rests on stretches of history drawn with repetition: whatever slowed everything down at once slows everything down
at once in some runs, and a short history gives a wide answer (cluster bootstrap).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from libs.contracts.migration.plan import Step
from libs.contracts.work import APPLY, CHECK
from libs.rehearse.history import AGAIN, APPROVAL, BLOCKS, DEAD, LAG, OK, WAKE, Attempt, Course, History, Key
from libs.rehearse.what_if import Factors

LEAST_SAMPLES = 5
"""With fewer samples of a step, those of its provider count; with fewer of these, those of all."""
UNKNOWN_US = 60_000_000
"""How long a step takes that neither history nor its plan says anything about."""
LAG_US = 10_000
_SPAN = float(1 << 64)


class Basis(NamedTuple):
    """What draws of a kind rest on: samples of `given`, or an assumption where there are none."""

    samples: int
    given: str
    """step, provider or direction: what the samples are of; estimate (the plan's own), assumption or what-if."""


class Draws:
    """The draws of one run. The same seed, run and name give the same."""

    def __init__(self, history: History, factors: Factors, seed: int, run: int) -> None:
        self._history, self._factors, self._name = history, factors, f"{seed}/{run}/".encode()
        self._blocks = [int(self.fraction(f"block/{number}") * BLOCKS) for number in range(BLOCKS)]
        self._courses: dict[Key, tuple[Sequence[Course], Basis]] = {}
        self.bases: dict[Key, Basis] = {}
        """What was drawn so far, and what that rested on."""

    def fraction(self, name: str) -> float:
        """A number from 0, included, to 1."""
        return int.from_bytes(hashlib.blake2b(self._name + name.encode(), digest_size=8).digest()) / _SPAN

    def course(self, provider: str, step: Step, direction: str, work_id: str, attempt: int = 1, elapsed: int = 0) -> Course:
        """How a work item goes from this attempt on, which has lasted so many microseconds already."""
        key = Key(provider, step.name, direction)
        courses, basis = self._of(key, step.estimate_ms * 1_000)
        if attempt > 1 or elapsed:
            fit = [course[attempt - 1 :] for course in courses if len(course) >= attempt and course[attempt - 1].took > elapsed]
            courses = [(Attempt(c[0].took - elapsed, c[0].outcome), *c[1:]) for c in fit] or courses
        self.bases[key] = basis
        return self._changed(key, self._pick(courses, work_id), work_id, step)

    def _changed(self, key: Key, course: Course, work_id: str, step: Step) -> Course:
        factor, rate = self._factors.duration(key.provider, key.step), self._factors.failure(key.provider, key.step)
        if rate is not None and key.direction in (APPLY, CHECK):
            course = tuple(self._failing(course[0].took, rate, work_id, step.attempts))
        return course if factor == 1 else tuple(Attempt(round(took * factor), outcome) for took, outcome in course)

    def _failing(self, took: int, rate: float, work_id: str, most: int) -> Iterator[Attempt]:
        """Attempts that fail at a rate that was said, until one does not."""
        for number in range(most):
            if self.fraction(f"{work_id}#{number}/fails") >= rate:
                yield Attempt(took, OK)
                return
            yield Attempt(took, AGAIN if number + 1 < most else DEAD)

    def approval(self, provider: str, step: str, name: str) -> int:
        """Microseconds until a person approves."""
        if self._factors.approve_s is not None:
            self.bases[Key(provider, step, APPROVAL)] = Basis(0, "what-if")
            return round(self._factors.approve_s * 1_000_000)
        return self._time(Key(provider, step, APPROVAL), 0, name)

    def lag(self, policy: str, name: str) -> int:
        """Microseconds that a policy's command takes until it is answered."""
        return self._time(Key("", policy, LAG), LAG_US, name)

    def wake(self, name: str) -> int:
        """Microseconds that a wake comes late."""
        return self._time(Key("", "", WAKE), 0, name)

    def _time(self, key: Key, otherwise: int, name: str) -> int:
        courses, basis = self._of(key, 0, otherwise)
        self.bases[key] = basis
        return self._pick(courses, f"{key.direction}/{name}")[0].took

    def _pick(self, courses: Sequence[Course], name: str) -> Course:
        return courses[int(self.fraction(name) * len(courses))]

    def _of(self, key: Key, estimate: int, otherwise: int = UNKNOWN_US) -> tuple[Sequence[Course], Basis]:
        found = self._courses.get(key)
        if found is None:
            found = self._courses[key] = self._looked_up(key, estimate, otherwise)
        return found

    def _looked_up(self, key: Key, estimate: int, otherwise: int) -> tuple[Sequence[Course], Basis]:
        for given, wider in (("step", key), ("provider", key._replace(step="")), ("direction", Key("", "", key.direction))):
            samples = self._history.of(wider)
            if len(samples.courses) >= LEAST_SAMPLES:
                drawn = [course for block in self._blocks for course, of in zip(*samples, strict=True) if of == block]
                return drawn or samples.courses, Basis(len(samples.courses), given)
        took = estimate or otherwise
        return ((Attempt(took, OK),),), Basis(0, "estimate" if estimate else "assumption")
