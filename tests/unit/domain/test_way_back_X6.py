"""A gate closes without a fresh passed rehearsal of the way back, and names the event; a migration may be that rehearsal (X6, I27)."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT, Step
from libs.contracts.migration.way_back import NoteWayBack, RecordWayBack, WayBackRehearsed
from libs.contracts.work import UNDO
from libs.domain.migration import DECIDER
from libs.domain.policies import POLICIES
from libs.domain.policy import To
from libs.testing.examples import EVENT_ENVELOPE
from libs.testing.given_when_then import NOW, SECOND, History, given
from libs.testing.migrations import REQUEST, act, check, failed, planned, requested, started, succeeded

HOUR = 3_600 * SECOND
YES = c.ApproveMigration(reason="looked at it")
PASSED = RecordWayBack(passed=True, evidence="rolled back on the copy of last night")
NOTED = NoteWayBack(passed=True, at=NOW, by="mig-8", provider="rehearsal", reason="mig-8 went back from switch: everything was undone")


def waiting(**terms: Any) -> History:
    asked = ApprovalTerms(before="switch", **({"way_back_max_age_s": 3_600} | terms))
    gate = Step(name="approve_switch", phase="cutting_over", kind=WAIT, wait_for="approval", approval=asked)
    history = started(check("compare"), gate, act("switch"))
    return history.when(succeeded(0, "check")).then_types(e.StepSucceeded, e.ApprovalRequested)


def rehearsed(history: History, **changes: Any) -> History:
    return history.when(replace(PASSED, **changes)).then_types(WayBackRehearsed)


def message(history: History, code: str, **asked: Any) -> str:
    answer = history.when(YES, **asked)
    answer.then_refused(code)
    return str(answer.events[0].message)


def test_a_gate_is_closed_until_the_way_back_was_rehearsed_X6() -> None:
    history = waiting()

    assert "has not been rehearsed" in message(history, "way_back_missing")
    rehearsed(history).when(YES).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_a_failed_rehearsal_closes_it_and_is_named_by_its_event_X6() -> None:
    history = rehearsed(waiting())
    answer = history.when(replace(PASSED, passed=False))
    history = answer.then_types(WayBackRehearsed)

    assert answer.events[0].event_id in message(history, "way_back_failed")
    rehearsed(history).when(YES).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_an_aged_rehearsal_closes_it_and_is_named_by_its_event_X6() -> None:
    history = rehearsed(waiting())
    known = history.state.way_back

    assert known.event_id in message(history, "way_back_too_old", now=known.at + HOUR)
    history.when(YES, now=known.at + HOUR - 1).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_the_event_is_named_by_the_id_that_it_has_on_the_log_X6() -> None:
    from libs.domain.decider import Command
    from libs.domain.history import digest_of, respond
    from libs.testing.given_when_then import append, envelope_of

    state, digest, command = waiting().state, digest_of(DECIDER, PASSED), Command(envelope_of("key-9"), PASSED)
    events = respond(DECIDER, state, command, NOW, digest)
    _, [recorded] = append(DECIDER, state, command.envelope, events, NOW, digest)

    assert recorded.body.event_id == recorded.envelope.event_id
    assert recorded.body.evidence_version == recorded.envelope.version


def test_approvals_already_given_lapse_when_the_rehearsal_ages_D8() -> None:
    history = rehearsed(waiting(quorum=2)).when(YES, actor="p-1").then_types(e.ApprovalGiven)
    known = history.state.way_back
    assert history.state.wake_at == known.at + HOUR

    answer = history.when(c.WakeMigration(wake_at=known.at + HOUR), now=known.at + HOUR)
    assert (answer.events[0].code, answer.events[0].evidence) == ("way_back_too_old", known.event_id)
    assert answer.then_types(a.ApprovalLapsed).state.wake_at == 0


def test_approvals_already_given_lapse_when_a_rehearsal_fails_X6() -> None:
    history = rehearsed(waiting(quorum=2)).when(YES, actor="p-1").then_types(e.ApprovalGiven)

    answer = history.when(replace(PASSED, passed=False))
    assert (answer.events[1].code, answer.events[1].evidence) == ("way_back_failed", answer.events[0].event_id)
    answer.then_types(WayBackRehearsed, a.ApprovalLapsed)


def test_what_was_approved_during_a_pause_does_not_pass_on_an_aged_rehearsal_X6() -> None:
    history = rehearsed(waiting()).when(c.PauseMigration(reason="lunch")).then_something().when(YES).then_types(e.ApprovalGiven)

    history.when(c.ResumeMigration(), now=NOW + 2 * HOUR).then_types(e.MigrationResumed, a.ApprovalLapsed)
    history.when(c.ResumeMigration()).then_types(e.MigrationResumed, e.StepSucceeded, e.WorkDispatched)


def test_a_waiver_waives_the_rehearsal_too_X6() -> None:
    waiver = a.WaiveApproval(reason="nothing to lose", until=NOW + HOUR, roles=("admin",))

    waiting().when(waiver).then_types(a.ApprovalWaived, e.StepSucceeded, e.WorkDispatched)


def test_a_new_rehearsal_is_new_evidence_X6() -> None:
    history = rehearsed(waiting())
    seen = history.state.stream.version
    history = rehearsed(history)

    history.when(replace(YES, evidence_version=seen)).then_refused("evidence_changed")
    history.when(replace(YES, evidence_version=seen + 1)).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_of_one_recorded_late_the_later_rehearsal_counts_X6() -> None:
    history = rehearsed(waiting(), at=NOW)
    late = rehearsed(history, passed=False, at=NOW - HOUR)

    assert late.state.way_back == history.state.way_back


def test_a_gate_that_does_not_ask_for_it_is_not_closed_X6() -> None:
    history = waiting(way_back_max_age_s=0).when(replace(PASSED, passed=False)).then_types(WayBackRehearsed)

    history.when(YES).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


@pytest.mark.parametrize(
    ("changes", "code"), [({"evidence": ""}, "evidence_missing"), ({"at": NOW + 2 * HOUR}, "invalid_time"), ({"at": -1}, "invalid_time")]
)
def test_what_a_person_records_says_what_it_rests_on_and_has_happened_X6(changes: dict[str, Any], code: str) -> None:
    waiting().when(replace(PASSED, **changes)).then_refused(code)


def test_it_can_be_recorded_as_long_as_the_migration_lives_X6() -> None:
    rehearsed(requested())
    given(DECIDER).when(PASSED).then_refused("not_found")
    ended = requested().when(c.CancelMigration(reason="no")).then_types(e.MigrationCancelled)
    ended.when(PASSED).then_refused("ended")
    ended.when(NOTED).then_nothing()


def test_a_rehearsal_by_a_migration_is_noted_once_and_never_over_a_later_one_X6() -> None:
    history = waiting().when(NOTED).then_types(WayBackRehearsed)

    history.when(NOTED).then_nothing()
    history.when(replace(NOTED, at=NOW - 1, passed=False)).then_nothing()
    assert history.state.way_back.at == NOW


def test_a_rehearsal_by_another_provider_proves_nothing_X6() -> None:
    waiting().when(replace(NOTED, provider="postgres")).then_nothing()


def test_a_migration_cannot_rehearse_itself_X6() -> None:
    given(DECIDER).when(c.RequestMigration(request=replace(REQUEST, rehearses="mig-7"))).then_refused("rehearses_itself")


def told(history: History, event: Any, **request: Any) -> list[To]:
    """What the other migration is told because of an event after this history."""
    envelope: EventEnvelope = replace(EVENT_ENVELOPE, aggregate="mig-8", recorded_at=NOW)
    return list(POLICIES[type(event)].react(event, envelope, history.state))


def undone(**asked: Any) -> tuple[History, Any]:
    """A rehearsal of mig-1 that was called back after its first step; and its last event."""
    history = started(act("copy"), act("switch"), **{"rehearses": "mig-1"} | asked).when(succeeded(0)).then_something()
    history = history.when(c.RollBackMigration(reason="enough")).then_something().when(succeeded(1)).then_something()
    history = history.when(succeeded(1, UNDO)).then_something()
    answer = history.when(succeeded(0, UNDO))
    return answer.then_types(e.StepCompensated, e.MigrationRolledBack), answer.events[-1]


def test_a_rehearsal_that_is_rolled_back_has_passed_X6() -> None:
    [(kind, aggregate, note)] = told(*undone())

    assert (kind, aggregate, note.passed, note.by, note.provider, note.at) == ("migration", "mig-1", True, "mig-8", "rehearsal", NOW)
    assert note.reason == "mig-8 went back from switch: everything was undone"


def test_one_whose_effects_were_left_standing_has_not_X6() -> None:
    history, event = undone()

    [(_, _, note)] = told(history, replace(event, skipped=1))
    assert (note.passed, note.reason) == (False, "mig-8 went back from switch: 1 compensations were skipped")


def test_one_that_is_stuck_has_not_X6() -> None:
    history = started(act("copy"), act("switch"), rehearses="mig-1").when(succeeded(0)).then_something()
    history = history.when(c.RollBackMigration(reason="enough")).then_something().when(succeeded(1)).then_something()
    answer = history.when(failed(1, UNDO))

    [(_, _, note)] = told(answer.then_types(e.RollbackStuck), answer.events[0])
    assert not note.passed
    assert "undoing switch failed for good" in note.reason


def test_one_that_had_done_nothing_or_rehearses_nobody_tells_nothing_X6() -> None:
    assert told(*undone(rehearses="")) == []
    history = started(act("copy"), rehearses="mig-1")
    assert told(history, e.MigrationRolledBack(reason="enough", skipped=0)) == []
    assert told(requested(rehearses="mig-1"), e.MigrationCancelled(reason="enough", skipped=0)) == []


def test_a_plan_whose_gate_asks_for_an_impossible_age_is_rejected_D6() -> None:
    terms = ApprovalTerms(before="switch", way_back_max_age_s=-1)
    gate = Step(name="approve_switch", phase="cutting_over", kind=WAIT, wait_for="approval", approval=terms)

    assert requested().when(planned(gate, act("switch"))).events[0].problems[0].code == "plan_malformed"
