"""What holds a migration up: each cause by its code, with since when, until when, whom to ask and the events it comes from (X12, X8)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts import capacity as k
from libs.contracts.envelope import CommandEnvelope, follow
from libs.contracts.migration import commands as c
from libs.contracts.migration import gates as g
from libs.contracts.migration.way_back import RecordWayBack
from libs.contracts.refusal import CommandRefused
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.history import advance, digest_of, respond
from libs.domain.holdup import Ask, Cause, Letter, causes
from libs.testing.given_when_then import AGGREGATE, HOUR, NOW, SECOND, TENANT, Recorded
from libs.testing.migrations import BROKEN, REQUEST, act, approval, check, failed, final, pause_of, planned, succeeded

CAPACITY = "limit/host=esx-1"
OPERATOR = (Ask("role", "operator"),)


class Told:
    """A small log: what aggregates were told, one second apart, and the events that followed."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.now = NOW
        self._states: dict[tuple[str, str], Any] = {}
        self._told = 0

    def tell(self, body: Any, kind: str = "migration", id_: str = AGGREGATE, *, actor: str = "u-1", after: int = SECOND) -> "Told":
        self.now, self._told = self.now + after, self._told + 1
        decider = DECIDERS[kind]
        state = self._states.get((kind, id_), decider.initial)
        command = CommandEnvelope(
            command_id=f"command-{self._told}",
            tenant=TENANT,
            aggregate=id_,
            environment="test",
            actor=actor,
            correlation_id="c-1",
            occurred_at=self.now,
        )
        digest = digest_of(decider, body)
        stream = state.stream
        for ordinal, event in enumerate(respond(decider, state, Command(command, body), self.now, digest)):
            assert type(event) is not CommandRefused, event
            version = stream.version + 1
            envelope = follow(command, ordinal=ordinal, version=version, recorded_at=self.now, previous=b"", digest=digest)
            self.events.append(Recorded(envelope, event, b""))
            stream, state = advance(stream, envelope, b""), decider.evolve(state, event)
        self._states[kind, id_] = replace(state, stream=stream)
        return self

    def capacity(self, body: Any, **options: Any) -> "Told":
        return self.tell(body, "capacity", CAPACITY, **options)

    def why(self, after: int = 0, *letters: Letter) -> list[Cause]:
        """The answer, which its own events alone give as well (X8)."""
        now = self.now + after
        found = causes(AGGREGATE, self.events, now, letters)
        named = {id_ for cause in found for id_ in cause.events}
        alone = [event for event in self.events if event.envelope.event_id in named]
        assert causes(AGGREGATE, alone, now, letters) == found
        return found

    def the(self, after: int = 0) -> Cause:
        """The only cause there is."""
        (cause,) = self.why(after)
        return cause

    def types(self, cause: Cause) -> list[str]:
        """Types of the events that a cause comes from."""
        found = {event.envelope.event_id: type(event.body).__name__ for event in self.events}
        return [found[id_] for id_ in cause.events]


def begun(*steps: Any, **request: Any) -> Told:
    """A migration that was planned with these steps."""
    return Told().tell(c.RequestMigration(request=replace(REQUEST, **request))).tell(planned(*steps or (act("copy"),)))


def waiting(**settings: Any) -> Told:
    """A migration that waits for a slot of a capacity, behind two others."""
    told = Told().capacity(k.SetCapacity(settings=k.CapacitySettings(**settings)))
    for name in ("mig-1#1", "mig-2#1"):
        told.capacity(k.AcquireSlot(holder=name))
    told.tell(c.RequestMigration(request=replace(REQUEST, limits=(CAPACITY,)))).tell(planned(act("copy")))
    return told.capacity(k.AcquireSlot(holder=f"{AGGREGATE}#1"))


def test_planning_is_work_of_the_verifier_X12() -> None:
    told = Told().tell(c.RequestMigration(request=REQUEST))
    cause = told.the()

    assert (cause.code, cause.reason) == ("work", "the verifier is at planning, attempt 1 of 5")
    assert (cause.since, cause.until, cause.ask) == (told.now, told.now + 120 * SECOND, (Ask("service", "verifier"),))


def test_work_in_flight_says_which_attempt_it_is_and_why_the_last_failed_X12() -> None:
    told = begun(act("copy", attempts=3)).tell(failed(0, retryable=True))
    later = told.the()
    at_it = told.the(5 * SECOND)

    assert (later.code, later.ask) == ("back_off", (Ask("time", ""),))
    assert later.reason == f"attempt 2 of 3 at copy begins later; the last one failed: {BROKEN.message}"
    assert told.now < later.until < told.now + SECOND
    assert (at_it.code, at_it.details["problem"], at_it.details["attempt"]) == ("work", BROKEN.code, 2)
    assert told.types(at_it) == ["AttemptFailed", "MigrationPlanned"]


def test_work_that_is_not_reported_in_time_is_overdue_X12() -> None:
    cause = begun(act("copy", timeout_ms=1_000)).the(SECOND)

    assert (cause.code, cause.until, cause.ask) == ("overdue", 0, (Ask("service", "migrator"), *OPERATOR))


def test_each_chunk_in_flight_is_named_X12() -> None:
    told = begun(act("copy", chunks=5, window=2)).tell(succeeded(0, chunk=0))

    assert [cause.details["workId"] for cause in told.why()] == [f"{TENANT}/{AGGREGATE}/0/{n}/apply/1" for n in (1, 2)]


def test_an_approval_lapses_X12() -> None:
    told = begun(approval("go", ms=60_000))
    cause = told.the()

    assert (cause.code, cause.until, cause.ask) == ("approval", told.now + 60 * SECOND, OPERATOR)
    assert (cause.reason, told.types(cause)) == ("go waits for a person to approve what follows", ["ApprovalRequested"])


@pytest.mark.parametrize("at", [0, NOW])
def test_an_approval_rests_on_the_version_of_the_last_rehearsal_recorded_X6(at: int) -> None:
    told = begun(approval("go")).tell(RecordWayBack(passed=True, evidence="on a copy"))
    told.tell(RecordWayBack(passed=False, evidence="the copy before", at=at))
    cause = told.the()

    assert cause.details["evidenceVersion"] == told.events[-1].envelope.version
    told.tell(c.ApproveMigration(evidence_version=told.events[-1].envelope.version))


def test_a_wait_ends_by_time_also_while_it_is_paused_X12() -> None:
    told = begun(pause_of("soak", 60_000)).tell(c.PauseMigration(reason="lunch"), actor="u-9")
    paused, waits = told.why()

    assert (paused.code, paused.reason, paused.ask) == ("paused", "it was paused by u-9: lunch", (Ask("person", "u-9"),))
    assert (waits.code, waits.until, waits.ask) == ("time", told.now + 59 * SECOND, (Ask("time", ""),))


def test_whoever_was_paused_with_its_wave_asks_the_wave_X12() -> None:
    told = begun(pause_of("soak", 60_000), wave="w1")
    told.tell(g.AdmitMigration(turn=1)).tell(c.PauseMigration(reason="wave w1: storm"), actor="policy:tell-members")
    paused = told.why()[0]

    assert (paused.code, paused.reason, paused.ask) == ("paused", "it was paused by its wave w1: storm", (Ask("wave", "w1"),))
    assert told.types(paused) == ["MigrationPaused", "MigrationRequested"]


def test_what_failed_is_held_for_an_operator_X12() -> None:
    told = begun(act("copy"), on_failure="hold").tell(failed(0))
    cause = told.the()

    assert (cause.code, cause.ask, cause.details) == ("failed", OPERATOR, {"step": "copy", "problem": BROKEN.code})
    assert told.tell(c.RetryMigration()).the().code == "work"


def test_what_fails_while_it_is_paused_is_held_and_no_longer_paused_X12() -> None:
    told = begun(act("copy"), on_failure="hold").tell(c.PauseMigration(reason="lunch"))

    assert [cause.code for cause in told.why()] == ["paused", "work"]
    assert told.tell(failed(0)).the().code == "failed"


def test_a_compensation_that_failed_is_stuck_X12() -> None:
    told = begun(act("copy"), check("look")).tell(succeeded(0)).tell(failed(1, "check")).tell(failed(0, "undo"))
    cause = told.the()

    assert (cause.code, cause.ask, told.types(cause)) == ("rollback_stuck", OPERATOR, ["RollbackStuck"])
    assert told.tell(c.RetryMigration()).the().reason == "the migrator is at undoing copy, attempt 2 of 5"


def test_what_stops_waits_for_what_is_in_flight_X12() -> None:
    told = begun(act("copy", chunks=2, window=2)).tell(c.RollBackMigration(reason="users complain"))
    cause = told.the()

    assert (cause.code, cause.ask) == ("stopping", (Ask("service", "migrator"),))
    assert cause.reason == "it is to go back (users complain), once this has come to rest: copy (chunk 0), copy (chunk 1)"
    assert cause.until == told.now - SECOND + 305 * SECOND


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"limit": 2}, "slot_limit", "at place 1 of its queue: all 2 slots are held, by mig-1, mig-2"),
        ({"limit": 1}, "slot_limit", "at place 2 of its queue: all 1 slots are held, by mig-1"),
        ({"per_minute": 2}, "slot_rate", "at place 1 of its queue: 2 slots were granted within the last minute"),
    ],
)
def test_a_capacity_that_is_full_X12(settings: dict[str, int], code: str, words: str) -> None:
    told = waiting(**settings)
    cause = told.the()

    assert (cause.code, cause.reason) == (code, f"it waits for a slot of {CAPACITY} {words}")
    assert cause.ask[0] == Ask("capacity", CAPACITY)
    assert (cause.until > told.now) is (code == "slot_rate")


def test_a_freeze_has_a_label_and_an_end_and_a_window_opens_X12() -> None:
    freeze = k.Freeze(begins=NOW, ends=NOW + HOUR, label="year-end close")
    frozen = waiting(freezes=(freeze,)).the()
    closed = waiting(windows=(k.Interval(begins=NOW + HOUR, ends=NOW + 2 * HOUR),)).the()

    assert (frozen.code, frozen.until) == ("slot_freeze", NOW + HOUR)
    assert frozen.reason.endswith("at place 3 of its queue: the freeze 'year-end close' is on")
    assert (closed.code, closed.until) == ("slot_window", NOW + HOUR)


def test_holders_that_gave_their_slot_back_count_against_a_rate_X12() -> None:
    told = Told().capacity(k.SetCapacity(settings=k.CapacitySettings(limit=2, per_minute=2)))
    for name in ("mig-1#1", "mig-2#1"):
        told.capacity(k.AcquireSlot(holder=name)).capacity(k.ReleaseSlot(holder=name))
    told.tell(c.RequestMigration(request=replace(REQUEST, limits=(CAPACITY,)))).tell(planned(act("copy")))
    told.capacity(k.AcquireSlot(holder=f"{AGGREGATE}#1")).capacity(k.SetCapacity(settings=k.CapacitySettings(limit=2, per_minute=1)))

    assert told.the().code == "slot_rate"


def test_an_answer_that_is_on_its_way_X12() -> None:
    told = Told().tell(c.RequestMigration(request=replace(REQUEST, limits=(CAPACITY,)))).tell(planned(act("copy")))

    assert told.the().code == "slot_asked"
    assert told.capacity(k.AcquireSlot(holder=f"{AGGREGATE}#1")).the().code == "slot_granted"
    assert told.tell(g.TakeSlot(capacity=CAPACITY, turn=1)).the().code == "work"


def test_no_room_to_wait_is_asked_again_at_a_time_X12() -> None:
    told = waiting(limit=2)
    cause = told.tell(g.LoseSlot(capacity=CAPACITY, turn=1, reason="there is no room", retry_at=NOW + HOUR)).the()

    assert (cause.code, cause.until, cause.ask) == ("slot_refused", NOW + HOUR, (Ask("capacity", CAPACITY),))


def test_a_slot_that_was_taken_away_is_the_cause_and_not_the_pause_X12() -> None:
    told = waiting().tell(g.TakeSlot(capacity=CAPACITY, turn=1))
    told.tell(g.LoseSlot(capacity=CAPACITY, turn=1, reason="no window is open"))

    assert [cause.code for cause in told.why()] == ["slot_asked", "work"]
    assert [cause.code for cause in told.tell(c.PauseMigration(reason="lunch")).why()] == ["paused", "work"]


def test_admission_names_what_is_depended_on_and_not_completed_X12() -> None:
    told = Told().tell(c.RequestMigration(request=REQUEST), id_="done").tell(c.RequestMigration(request=REQUEST), id_="open")
    told.tell(c.CancelMigration(reason="not needed"), id_="open").tell(c.RequestMigration(request=REQUEST), id_="going")
    told.tell(c.RequestMigration(request=replace(REQUEST, wave="w1", depends_on=("open", "going", "nobody")))).tell(planned(act("copy")))
    admission, *others = told.why()

    assert (admission.code, admission.ask) == ("admission", (Ask("wave", "w1"),))
    assert [cause.reason for cause in others] == [
        "it depends on open, which was cancelled and will not complete",
        "it depends on going, which has not completed",
        "it depends on nobody, which nobody has asked for",
    ]
    assert others[1].ask == (Ask("migration", "going"),)
    declined = told.tell(g.AdmitMigration(turn=1, after=("open", "going"))).why()[0]
    assert declined.reason == "it waits for the wave w1 to admit it, which does not know that it depends on nobody"
    admitted = told.tell(g.AdmitMigration(turn=2, after=("open", "going", "nobody")))
    assert [cause.code for cause in admitted.why()] == ["work"]


def test_what_is_completed_holds_nobody_up_X12() -> None:
    told = Told()
    told.events += [replace_id(event, "before") for event in begun(act("copy")).tell(succeeded(0)).events]
    told.tell(c.RequestMigration(request=replace(REQUEST, wave="w1", depends_on=("before",)))).tell(planned(act("copy")))

    assert [cause.code for cause in told.why()] == ["admission"]


def replace_id(event: Recorded, id_: str) -> Recorded:
    return event._replace(envelope=replace(event.envelope, aggregate=id_, event_id=f"{id_}-{event.envelope.event_id}"))


def test_a_dead_letter_of_its_commands_X12() -> None:
    letter = Letter("validator_x.migration.commands_0_7", "invalid", NOW)
    found = begun(approval("go")).why(0, letter)

    assert [cause.code for cause in found] == ["dead_letter", "approval"]
    assert (found[0].ask[0], found[0].since, found[0].events) == (Ask("dead_letter", letter.id), NOW, ())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda: begun(final("cut")).tell(succeeded(0)), "it has ended: it was completed"),
        (lambda: begun().tell(c.CancelMigration(reason="no")).tell(succeeded(0)).tell(succeeded(0, "undo")), "it has ended: it was cancelled (no)"),
        (lambda: Told().tell(c.RequestMigration(request=REQUEST)).tell(planned(problems=(BROKEN,))), f"it has ended: it was rejected ({BROKEN.message})"),
    ],
)  # fmt: skip
def test_what_has_ended_says_how_X12(told: Any, words: str) -> None:
    cause = told().the()

    assert (cause.code, cause.reason, cause.ask) == ("ended", words, ())


def test_nothing_holds_it_up_between_two_events_X12() -> None:
    told = begun(act("copy"), act("again")).tell(succeeded(0))
    told.events.pop()  # StepSucceeded without the dispatch that the same decision holds

    assert (told.the().code, told.the().reason) == ("nothing", "nothing holds it up")


def test_there_is_no_answer_for_what_was_never_requested_X12() -> None:
    assert causes(AGGREGATE, [], NOW) == []
