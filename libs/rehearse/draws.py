"""What chance says in one run: everything is drawn by name, so a change of one thing does not shuffle what all others draw.

Each run rests on stretches of history drawn with repetition: whatever slowed everything down at once slows everything down
at once in some runs, and a short history gives a wide answer (cluster bootstrap).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from libs.contracts.migration.plan import Step
from libs.contracts.work import APPLY, CHECK
from libs.rehearse.history import AGAIN, BLOCKS, DEAD, LAG, OK, OPEN, RETRY, WAKE, Attempt, Course, History, Key
from libs.rehearse.what_if import Factors

LEAST_SAMPLES = 5
"""With fewer samples of a step, those of its provider count; with fewer of these, those of all, however few."""
UNKNOWN_US = 60_000_000
"""How long a step takes that neither history nor its plan says anything about."""
LAG_US = 10_000
"""How long a policy's command takes where there is no history."""
STRETCHES = 5
"""Stretches of history that a run rests on: few, for what comes is as a whole rather like some of the past than like its average."""
ASSUMED = "assumption"
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
        self._blocks = [int(self.fraction(f"block/{number}") * BLOCKS) for number in range(STRETCHES)]
        self._courses: dict[Key, Sequence[Course]] = {}
        self.bases: dict[Key, Basis] = {}
        """What was drawn so far, and what that rested on."""

    def fraction(self, name: str) -> float:
        """A number from 0, included, to 1."""
        return int.from_bytes(hashlib.blake2b(self._name + name.encode(), digest_size=8).digest()) / _SPAN

    def course(self, provider: str, step: Step, direction: str, work_id: str, attempt: int = 1, elapsed: int = 0) -> Course:
        """How a work item goes from this attempt on, which has lasted so many microseconds already."""
        key = Key(provider, step.name, direction)
        courses = self._of(key)
        if not courses:
            courses = ((Attempt(step.estimate_ms * 1_000 or UNKNOWN_US, OK),),)
            self.bases[key] = Basis(0, "estimate" if step.estimate_ms else ASSUMED)
        if attempt > 1 or elapsed:
            fit = [course[attempt - 1 :] for course in courses if len(course) >= attempt and course[attempt - 1].took > elapsed]
            courses, elapsed = (fit, elapsed) if fit else (courses, 0)
        (took, outcome), *further = self._whole(courses, work_id)
        return self._changed(key, (Attempt(took - elapsed, outcome), *further), work_id, step)

    def _whole(self, courses: Sequence[Course], name: str) -> Course:
        """A course; one that was on its way goes on like one that lasted longer (Kaplan and Meier), or ends there where none did."""
        course = self._pick(courses, name)
        while course[-1].outcome == OPEN:
            number, lasted = len(course) - 1, course[-1].took
            longer = [other for other in courses if len(other) > number and other[number].took > lasted]
            name += "/on"
            course = (*course[:number], *(self._pick(longer, name)[number:] if longer else (Attempt(lasted, OK),)))
        return course

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

    def person(self, key: Key, name: str, said_s: float | None = None, otherwise: Attempt | None = None) -> Attempt | None:
        """How soon a person acts who is waited for, and what they do; `said_s` is what the what-if says, `otherwise` what holds when
        nobody ever did."""
        if said_s is not None:
            self.bases[key] = Basis(0, "what-if")
            return Attempt(round(said_s * 1_000_000), RETRY)
        courses = self._of(key)
        if not courses:
            self.bases[key] = Basis(0, ASSUMED)
            return otherwise
        return self._pick(courses, f"{key.direction}/{name}")[0]

    def lag(self, policy: str, name: str) -> int:
        """Microseconds that a policy's command takes until it is answered."""
        return self._late(Key("", policy, LAG), name, LAG_US)

    def wake(self, name: str) -> int:
        """Microseconds that a wake comes late."""
        return self._late(Key("", "", WAKE), name, 0)

    def _late(self, key: Key, name: str, otherwise: int) -> int:
        drawn = self.person(key, name)
        return otherwise if drawn is None else drawn.took

    def _pick(self, courses: Sequence[Course], name: str) -> Course:
        return courses[int(self.fraction(name) * len(courses))]

    def _of(self, key: Key) -> Sequence[Course]:
        """Courses of this run to draw from; none where there are none."""
        found = self._courses.get(key)
        if found is None:
            found, self.bases[key] = self._looked_up(key)
            self._courses[key] = found
        return found

    def _looked_up(self, key: Key) -> tuple[Sequence[Course], Basis]:
        wider = (
            ("step", key, LEAST_SAMPLES),
            ("provider", key._replace(step=""), LEAST_SAMPLES),
            ("direction", Key("", "", key.direction), 1),
        )
        for given, of, least in wider:
            samples = self._history.of(of)
            ended = sum(map(_has_ended, samples.courses))
            if ended >= least:
                drawn = [course for block in self._blocks for course, other in zip(*samples, strict=True) if other == block]
                return drawn if any(map(_has_ended, drawn)) else samples.courses, Basis(ended, given)
        return (), Basis(0, ASSUMED)


def _has_ended(course: Course) -> bool:
    return course[-1].outcome != OPEN
