"""A migration's row as the API shows it, at a gate and on its way: the documents hold what their models say (X6, O17)."""

from typing import Any

import msgspec

from libs.contracts.migration import events as e
from libs.contracts.migration.gates import SlotRequested
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.edge.row_documents import MigrationDocument, migration_document
from libs.readmodel.facts import Fact
from libs.readmodel.migration import MigrationRow, evolve
from libs.readmodel.queries import migrations
from libs.testing.examples import EVENT_ENVELOPE, EXAMPLES
from libs.testing.migrations import act, final, pause_of, plan_of

PLAN = plan_of(act("copy"), pause_of("soak", 60_000), act("switch"), final("drop"))


def row(*events: Any) -> MigrationRow:
    found = None
    for number, event in enumerate((EXAMPLES[e.MigrationRequested], *events), 1):
        envelope = msgspec.structs.replace(EVENT_ENVELOPE, version=number, event_id=f"event-{number}")
        found = evolve(found, Fact(1, 0, number, envelope, event, b"x"))
    assert found is not None
    return found


def shown(*events: Any) -> dict[str, Any]:
    document = migration_document(migrations.document(row(*events)))
    MigrationDocument.model_validate(document)
    return document


def test_before_it_is_planned_nothing_is_known_of_a_point_of_no_return_X6() -> None:
    back = shown()["reversibility"]

    assert back == {"pointOfNoReturn": None, "crossed": False, "open": True, "stepsLeft": None, "until": None, "rehearsal": None}


def test_the_point_of_no_return_and_how_far_it_is_X6() -> None:
    done = e.StepSucceeded(work_id="acme/mig-7/0/-/apply/1", step=0, name="copy", evidence={})
    back = shown(e.MigrationPlanned(plan=PLAN), done)["reversibility"]

    assert back["pointOfNoReturn"] == {"step": 3, "name": "drop", "title": ""}
    assert (back["stepsLeft"], back["until"]) == (2, None)


def test_a_wait_for_a_time_before_it_says_until_when_there_is_a_way_back_X6() -> None:
    wait = e.WaitStarted(step=1, name="soak", until=1_767_229_200_000_000)

    assert shown(e.MigrationPlanned(plan=PLAN), wait)["reversibility"]["until"] == "2026-01-01T01:00:00.000000Z"


def test_the_time_to_answer_at_a_gate_is_not_when_the_way_back_ends_X6() -> None:
    asked = msgspec.structs.replace(EXAMPLES[e.ApprovalRequested], step=1)

    for_slot = shown(e.MigrationPlanned(plan=PLAN), asked, EXAMPLES[e.MigrationPaused], EXAMPLES[SlotRequested])
    assert (for_slot["status"], for_slot["gate"]["answerBy"] is None, for_slot["reversibility"]["until"]) == ("waiting", False, None)


def test_once_it_is_crossed_or_over_there_is_none_X6() -> None:
    crossed = msgspec.structs.replace(EXAMPLES[e.WorkDispatched], point_of_no_return=True)
    back = shown(e.MigrationPlanned(plan=PLAN), crossed)["reversibility"]
    over = shown(e.MigrationPlanned(plan=PLAN), e.MigrationCompleted(steps=4))["reversibility"]

    assert (back["crossed"], back["open"], back["stepsLeft"]) == (True, False, None)
    assert (over["crossed"], over["open"]) == (False, False)


def test_the_last_rehearsal_by_when_it_ended_is_shown_with_its_event_X6() -> None:
    last: WayBackRehearsed = EXAMPLES[WayBackRehearsed]
    late = msgspec.structs.replace(last, passed=False, at=last.at - 1)
    rehearsal = shown(e.MigrationPlanned(plan=PLAN), last, late)["reversibility"]["rehearsal"]

    assert (rehearsal["passed"], rehearsal["event"], rehearsal["by"]) == (True, "event-3", "mig-8")


def test_a_gate_is_shown_until_it_is_left_O17() -> None:
    asked, given = EXAMPLES[e.ApprovalRequested], EXAMPLES[e.ApprovalGiven]
    gate = shown(e.MigrationPlanned(plan=PLAN), asked, given)["gate"]

    assert (gate["missing"], gate["approvals"][0]["onBehalfOf"], gate["event"]) == (1, "subject-3", "event-3")
    passed = e.StepSucceeded(work_id="", step=3, name="sign_off", evidence={})
    assert shown(e.MigrationPlanned(plan=PLAN), asked, given, passed)["gate"] is None
