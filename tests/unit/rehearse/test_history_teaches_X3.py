"""Durations, failures and lags are read from events: whole courses of work items, by provider, step and direction (X3)."""

from libs.contracts.capacity import WakeCapacity
from libs.contracts.migration import commands as c
from libs.contracts.values import Problem
from libs.contracts.wave.commands import StartWave
from libs.contracts.work import FAILED, SUCCEEDED, ReportWork
from libs.rehearse.draws import Basis, Draws
from libs.rehearse.history import AGAIN, BLOCKS, DEAD, MOST_SAMPLES, OK, OPEN, Attempt, History, Key, Learner
from libs.rehearse.learning import OfMigration
from libs.rehearse.what_if import Factors
from libs.testing.migrations import act, approval
from libs.testing.rehearsals import NOW, SECOND, TENANT, Live

BROKEN = Problem(code="broken", category="migration_execution", message="it broke")


class Moved(Live):
    """One migration whose steps take what is said."""

    def report(self, step: int, after_s: float, outcome: str = SUCCEEDED, *, direction: str = "apply", retryable: bool = True) -> None:
        """The attempt that is pending ends so long after it may begin."""
        work_id = f"{TENANT}/m/{step}/-/{direction}/1"
        (work,) = [work for work in self.states["migration", "m"].pending if work.work_id == work_id]
        self.now = work.not_before + round(after_s * SECOND)
        problem = BROKEN if outcome == FAILED else None
        body = ReportWork(work_id=work_id, attempt=work.attempt, outcome=outcome, problem=problem, retryable=retryable)
        self.give("migration", "m", body, work.worker, f"{work_id}#{work.attempt}")

    def learnt(self) -> History:
        learner = Learner()
        OfMigration(learner).read(entry for kind, entry in self.entries if kind == "migration" and entry.envelope.aggregate == "m")
        return learner.history()


def test_a_course_holds_every_attempt_without_the_pauses_between_X3() -> None:
    moved = Moved()
    moved.migration("m", act("copy"), act("switch"))
    moved.report(0, 30, FAILED)
    moved.report(0, 20, FAILED)
    moved.report(0, 10)
    moved.report(1, 5, FAILED, retryable=False)
    moved.report(1, 7, direction="undo")
    moved.report(0, 9, direction="undo")
    history = moved.learnt()

    def courses(step: str, direction: str) -> object:
        return history.of(Key("rehearsal", step, direction)).courses

    assert courses("copy", "apply") == ((Attempt(30 * SECOND, AGAIN), Attempt(20 * SECOND, AGAIN), Attempt(10 * SECOND, OK)),)
    assert courses("switch", "apply") == ((Attempt(5 * SECOND, DEAD),),)
    assert courses("switch", "undo") == ((Attempt(7 * SECOND, OK),),)
    assert courses("copy", "undo") == ((Attempt(9 * SECOND, OK),),)
    assert len(history.of(Key("rehearsal", "", "undo")).courses) == len(history.of(Key("", "", "undo")).courses) == 2
    assert history.plans["rehearsal"].steps[0].name == "copy"


def test_people_teach_how_long_they_take_X3() -> None:
    moved = Moved()
    moved.migration("m", approval("go"))
    moved.now += 600 * SECOND
    moved.give("migration", "m", c.ApproveMigration(), "subject-2")

    assert moved.learnt().of(Key("rehearsal", "go", "approval")).courses == ((Attempt(600 * SECOND, OK),),)


def test_work_that_is_not_over_teaches_how_long_it_has_lasted_X3() -> None:
    moved = Moved()
    moved.migration("m", act("copy"))
    moved.report(0, 30, FAILED)
    begun = moved.states["migration", "m"].pending[0].not_before
    learner = Learner()
    OfMigration(learner).read(entry for kind, entry in moved.entries if kind == "migration" and entry.envelope.aggregate == "m")
    learner.wait(Key("", "any", "lag"), NOW, begun + 600 * SECOND)

    (course,) = learner.history().of(Key("", "", "apply")).courses
    assert course == (Attempt(30 * SECOND, AGAIN), Attempt(600 * SECOND, OPEN))


def test_what_has_ended_or_is_called_back_is_not_on_its_way_X3() -> None:
    moved = Moved()
    moved.migration("m", act("copy"))
    moved.now += 200 * SECOND
    moved.give("migration", "m", c.CancelMigration(reason="not needed"))

    assert [course[-1].outcome for course in moved.learnt().of(Key("", "", "apply")).courses] == ["cancel"]


def test_steps_are_not_taken_for_as_short_as_those_that_ended_first_X3() -> None:
    """Steps of 10 to 100 minutes, one begun each minute for an hour: the 16 that ended took 26 on average, 44 were on their way."""
    learner = Learner()
    for number in range(60):
        begun, took = NOW + number * 60 * SECOND, (10 + number * 37 % 91) * 60 * SECOND
        if begun + took <= NOW + 3_600 * SECOND:
            learner.course(Key("p", "copy", "apply"), begun + took, (Attempt(took, OK),))
        else:
            learner.still(Key("p", "copy", "apply"), begun, ())
    learner.wait(Key("", "any", "lag"), NOW, NOW + 3_600 * SECOND)
    drawn = [draws(learner.history(), run).course("p", act("copy"), "apply", f"w{n}") for run in range(20) for n in range(20)]

    assert all(course[-1].outcome == OK for course in drawn)
    assert 35 < sum(course[0].took for course in drawn) / len(drawn) / SECOND / 60 < 55, "as far as an hour can tell; 55 in truth"


def test_steps_that_nobody_has_ended_take_what_their_plan_says_X3() -> None:
    learner = Learner()
    for number in range(20):
        learner.still(Key("p", "copy", "apply"), NOW + number, ())
    learner.wait(Key("", "any", "lag"), NOW, NOW + 60 * SECOND)
    known = draws(learner.history())

    assert known.course("p", act("copy", estimate_ms=3_600_000), "apply", "w") == (Attempt(3_600 * SECOND, OK),)
    assert known.bases[Key("p", "copy", "apply")] == Basis(0, "estimate")


def test_whoever_had_enough_teaches_when_and_how_soon_work_stops_X3() -> None:
    moved = Moved()
    moved.migration("m", act("copy"), act("switch"))
    moved.report(0, 30)
    moved.now += 200 * SECOND
    moved.give("migration", "m", c.RollBackMigration(reason="it takes too long"))
    moved.now += 3 * SECOND
    (work,) = moved.states["migration", "m"].pending
    stopped = ReportWork(work_id=work.work_id, attempt=1, outcome="stopped")
    moved.give("migration", "m", stopped, "migrator", f"{work.work_id}#1")
    history = moved.learnt()

    assert history.of(Key("rehearsal", "switch", "apply")).courses == ((Attempt(200 * SECOND, "roll_back"),),)
    assert history.of(Key("rehearsal", "switch", "settle")).courses == ((Attempt(3 * SECOND, "stopped"),),)


def test_what_people_did_about_a_failure_is_learnt_X3() -> None:
    moved = Moved()
    moved.migration("m", act("copy"), act("switch"), on_failure="hold")
    moved.report(0, 30)
    moved.report(1, 5, FAILED, retryable=False)
    moved.now += 60 * SECOND
    moved.give("migration", "m", c.RetryMigration())
    moved.report(1, 5, FAILED, retryable=False)
    moved.now += 90 * SECOND
    moved.give("migration", "m", c.RetryMigration(from_step="copy"))

    courses = moved.learnt().of(Key("rehearsal", "switch", "held")).courses
    assert courses == ((Attempt(60 * SECOND, "retry"),), (Attempt(90 * SECOND, "retry copy"),))


def test_a_command_is_late_once_however_many_events_answer_it_X3() -> None:
    """A wake that lets ten in at once says as much of how late wakes come as one that lets in a single one."""
    live, learner = Live(), Learner()
    live.capacity("rate/starts", per_minute=10)
    live.fleet("w", 20, limits=("rate/starts",))
    live.give("wave", "w", StartWave())
    opens = live.states["capacity", "rate/starts"].wake_at
    live.now = opens + 5 * SECOND
    live.give("capacity", "rate/starts", WakeCapacity(wake_at=opens), "verifier", f"{TENANT}/rate/starts/wake/{opens}")

    for kind, entry in live.entries:
        if kind == "capacity":
            learner.lag(entry.envelope)

    assert live.states["capacity", "rate/starts"].held == 20
    assert learner.history().of(Key("", "", "wake")).courses == ((Attempt(5 * SECOND, OK),),)


def test_the_latest_samples_count_X3() -> None:
    learner = Learner()
    for number in range(MOST_SAMPLES + 500):
        learner.course(Key("p", "s", "apply"), NOW + number, (Attempt(number, OK),))
    samples = learner.history().of(Key("p", "s", "apply"))

    assert [course[0].took for course in samples.courses] == list(range(500, MOST_SAMPLES + 500))
    assert set(samples.blocks) == set(range(BLOCKS))


def draws(history: History, run: int = 0) -> Draws:
    return Draws(history, Factors(), 1, run)


def test_too_few_samples_give_way_to_those_of_the_provider_then_of_all_X3() -> None:
    learner = Learner()
    for number in range(4):
        learner.course(Key("p", "rare", "apply"), NOW, (Attempt(1, OK),))
        learner.course(Key("q", "other", "apply"), NOW, (Attempt(2, OK),))
    few = draws(learner.history())
    few.course("p", act("rare"), "apply", "w")
    learner.course(Key("p", "usual", "apply"), NOW, (Attempt(3, OK),))
    more = draws(learner.history())
    more.course("p", act("rare"), "apply", "w")
    more.course("p", act("rare", estimate_ms=700), "undo", "w")
    more.course("p", act("usual"), "undo", "w")

    assert few.bases == {Key("p", "rare", "apply"): Basis(8, "direction")}
    assert more.bases[Key("p", "rare", "apply")] == Basis(5, "provider")
    assert more.bases[Key("p", "rare", "undo")] == Basis(0, "estimate")
    assert more.bases[Key("p", "usual", "undo")] == Basis(0, "assumption")


def test_what_slowed_everything_down_slows_everything_down_in_some_runs_X3() -> None:
    """A tenth of history was ten times slower: runs differ by how much of it they rest on, and all steps of a run alike."""
    learner = Learner()
    for number in range(1_000):
        for step in ("copy", "switch"):
            learner.course(Key("p", step, "apply"), NOW + number * SECOND, (Attempt(1_000 if number >= 900 else 100, OK),))
    history = learner.history()

    def mean(run: int, step: str) -> float:
        one = draws(history, run)
        return sum(one.course("p", act(step), "apply", f"{step}{number}")[0].took for number in range(400)) / 400

    pairs = [(mean(run, "copy"), mean(run, "switch")) for run in range(30)]
    spread = max(copy for copy, _ in pairs) - min(copy for copy, _ in pairs)
    assert spread > 100, "without stretches the means of 400 draws would lie within 60"
    assert all(abs(copy - switch) < 110 for copy, switch in pairs)
