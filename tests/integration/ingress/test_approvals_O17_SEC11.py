"""Go/no-go gates through every service: who may approve, what the token must prove, what lapses by itself, what is shown (O17, SEC11)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.runtime.clock import now_us
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World, start_ingress
from tests.integration.ingress.http import Answer, Api, migration

TENANT = "approvals"


@pytest.fixture(scope="module")
def prod(world: World) -> Iterator[World]:
    """The same log behind an ingress that serves prod."""
    service, port = start_ingress(world.services, world.data_dir, slot=3, WHIMBREL_ENVIRONMENT="prod")
    yield world._replace(port=port, ingress=service)
    service.stop()


def person(world: World, subject: str, *roles: str, **claims: object) -> Api:
    return world.api(TENANT, *(roles or ("approver", "dba")), subject=subject, **({"amr": ["pwd", "otp"]} | claims))


def gated(world: World, id_: str, environment: str = "dev", **gate: Any) -> dict[str, Any]:
    """A migration at its gate, as it is shown there; u-1 asked for it."""
    api = world.api(TENANT)
    body = migration(
        migrationId=id_, approvals=[{"before": "cutting_over"} | gate], options={"steps": 8, "shape": "mixed"}, environment=environment
    )
    assert api.decided("/v1/migrations", body).status == 201
    wait_until(lambda: api.get(f"/v1/migrations/{id_}").json.get("status") == "awaiting_approval", f"{id_} is at its gate")
    found: dict[str, Any] = api.get(f"/v1/migrations/{id_}").json
    return found


def approve(api: Api, id_: str, **body: Any) -> Answer:
    return api.decided(f"/v1/migrations/{id_}/approve", {"reason": "looked"} | body)


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def in_an_hour() -> str:
    return (datetime.fromtimestamp(now_us() / 1_000_000, UTC) + timedelta(hours=1)).isoformat(timespec="seconds")


def test_two_people_with_the_role_and_a_second_factor_let_it_pass_SEC11(world: World, workers: None) -> None:
    shown = gated(world, "two-1", roles=["dba"], quorum=2, mfa=True)
    first, second = person(world, "p-1"), person(world, "p-2")

    assert (shown["gate"]["missing"], shown["gate"]["roles"], shown["gate"]["name"]) == (2, ["dba"], "approve_cutting_over")
    assert refused(approve(person(world, "p-1", amr=["pwd"]), "two-1")) == (403, "mfa_required")
    assert refused(approve(person(world, "p-1", "operator"), "two-1")) == (409, "role_missing")
    assert refused(approve(person(world, "p-1", "viewer", "dba"), "two-1")) == (403, "forbidden")
    assert approve(first, "two-1").json["events"] == ["ApprovalGiven"]
    assert refused(approve(first, "two-1")) == (409, "already_approved")
    assert approve(second, "two-1").json["events"] == ["ApprovalGiven", "StepSucceeded", "WorkDispatched"]


@pytest.mark.parametrize("claim", [{"roles": ["dba"]}, {"secondFactor": "amr=mfa"}, {"second_factor": "amr=mfa"}])
def test_nobody_claims_in_a_body_what_their_token_must_prove_SEC11(world: World, claim: dict[str, Any]) -> None:
    answer = approve(person(world, "p-1"), "whatever", **claim)

    assert refused(answer) == (422, "invalid_request")


def test_the_gate_shows_what_it_rests_on_and_an_approval_of_something_older_is_refused_O17(world: World, workers: None) -> None:
    shown = gated(world, "rests-1", quorum=2)
    evidence, since = shown["evidence"], shown["gate"]["evidenceVersion"]
    timeline = {event["eventId"]: event for event in world.api(TENANT).get("/v1/migrations/rests-1/timeline?limit=500").json["items"]}
    causes = world.api(TENANT).get("/v1/migrations/rests-1/holdup").json["causes"]

    assert evidence
    assert [timeline[one["event"]]["data"]["name"] for one in evidence] == [one["step"] for one in evidence]
    assert all(timeline[one["event"]]["version"] == one["version"] < since for one in evidence)
    assert {one["event"] for one in evidence} < set(causes[0]["events"])
    assert refused(approve(person(world, "p-1"), "rests-1", evidenceVersion=since - 1)) == (409, "evidence_changed")
    assert approve(person(world, "p-1"), "rests-1", evidenceVersion=since).status == 200
    wait_until(lambda: world.api(TENANT).get("/v1/migrations/rests-1").json["gate"]["approvals"] != [], "it is shown")
    [given] = world.api(TENANT).get("/v1/migrations/rests-1").json["gate"]["approvals"]
    assert (given["by"], given["evidenceVersion"], given["secondFactor"]) == ("p-1", since, "amr=otp")


def test_four_eyes_in_prod_also_through_a_right_handed_on_SEC11(prod: World, workers: None) -> None:
    gated(prod, "eyes-1", "prod", quorum=2)
    asker = person(prod, "u-1", "operator")
    hand = {"to": "p-2", "until": in_an_hour(), "reason": "on leave"}

    assert refused(approve(asker, "eyes-1")) == (409, "four_eyes")
    assert refused(asker.decided("/v1/migrations/eyes-1/delegate-approval", hand)) == (409, "four_eyes")
    assert refused(person(prod, "p-1").decided("/v1/migrations/eyes-1/delegate-approval", hand | {"to": "u-1"})) == (409, "four_eyes")
    assert refused(person(prod, "p-1", amr=[]).decided("/v1/migrations/eyes-1/delegate-approval", hand)) == (403, "mfa_required")
    assert person(prod, "p-1").decided("/v1/migrations/eyes-1/delegate-approval", hand).json["events"] == ["ApprovalDelegated"]
    assert approve(person(prod, "p-2"), "eyes-1", onBehalfOf="p-1").json["events"] == ["ApprovalGiven"]
    assert refused(approve(person(prod, "p-2"), "eyes-1")) == (409, "already_approved")
    assert refused(approve(person(prod, "p-1"), "eyes-1")) == (409, "already_approved")
    assert "WorkDispatched" in approve(person(prod, "p-3"), "eyes-1").json["events"]


def test_an_approval_lapses_by_itself_while_it_is_paused_D8(world: World, workers: None) -> None:
    gated(world, "lapse-1", expiresS=1)
    api = world.api(TENANT)
    assert api.decided("/v1/migrations/lapse-1/pause", {"reason": "lunch"}).status == 200

    assert approve(person(world, "p-1"), "lapse-1").json["events"] == ["ApprovalGiven"]
    types = lambda: [event["type"] for event in api.get("/v1/migrations/lapse-1/timeline?limit=500").json["items"]]  # noqa: E731
    wait_until(lambda: "ApprovalLapsed" in types(), "it has lapsed")
    assert api.decided("/v1/migrations/lapse-1/resume", {}).json["status"] == "awaiting_approval"
    wait_until(lambda: api.get("/v1/migrations/lapse-1").json.get("status") == "awaiting_approval", "it awaits approval as before")
    assert "has lapsed" in api.get("/v1/migrations/lapse-1/holdup").json["causes"][0]["reason"]
    assert "WorkDispatched" in approve(person(world, "p-1"), "lapse-1").json["events"]


def test_nobody_answers_in_time_and_it_is_rolled_back_O17(world: World, workers: None) -> None:
    api = world.api(TENANT)
    body = migration(migrationId="late-1", approvals=[{"before": "cutting_over", "answerWithinS": 1}], options={"steps": 8})
    assert api.decided("/v1/migrations", body).status == 201

    wait_until(lambda: api.get("/v1/migrations/late-1").json.get("status") == "rolled_back", "it is rolled back")
    assert api.get("/v1/migrations/late-1").json["problem"]["code"] == "approval_expired"


def test_a_waiver_is_an_admins_and_on_the_record_as_one_O17(world: World, workers: None) -> None:
    gated(world, "waive-1", quorum=3, roles=["board"])
    body = {"until": in_an_hour(), "reason": "nobody of the board is awake"}

    assert refused(person(world, "p-1", "operator").decided("/v1/migrations/waive-1/waive-approval", body)) == (403, "forbidden")
    answer = person(world, "boss", "admin").decided("/v1/migrations/waive-1/waive-approval", body)
    assert answer.json["events"] == ["ApprovalWaived", "StepSucceeded", "WorkDispatched"]


def test_a_gate_that_stands_nowhere_is_found_before_anything_is_touched_O3(world: World, workers: None) -> None:
    api = world.api(TENANT)
    assert api.decided("/v1/migrations", migration(migrationId="nowhere-1", approvals=[{"before": "lunch"}])).status == 201

    wait_until(lambda: api.get("/v1/migrations/nowhere-1").json.get("status") == "rejected", "it is rejected")
    problem = api.get("/v1/migrations/nowhere-1").json["problem"]
    assert (problem["code"], problem["field"]) == ("approval_nowhere", "/approvals/0/before")


@pytest.mark.parametrize(
    ("approvals", "pointer"),
    [
        ([{"before": "Lunch"}], "/approvals/0/before"),
        ([{"before": "testing", "quorum": 0}], "/approvals/0/quorum"),
        ([{"before": "testing", "roles": ["DBA"]}], "/approvals/0/roles/0"),
        ([{"before": "testing"}, {"before": "testing"}], "/approvals"),
        ([{"before": "testing", "colour": "red"}], "/approvals/0/colour"),
    ],
)
def test_what_is_wrong_with_a_gate_is_named_O1(world: World, approvals: list[Any], pointer: str) -> None:
    answer = world.api(TENANT).post("/v1/migrations", migration(approvals=approvals))

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_gate_is_closed_without_a_fresh_passed_rehearsal_which_another_migration_can_be_X6(world: World, workers: None) -> None:
    api = world.api(TENANT)
    shown = gated(world, "back-1", wayBackMaxAgeS=3_600)["reversibility"]
    assert (shown["open"], shown["crossed"], shown["rehearsal"]) == (True, False, None)
    assert refused(approve(person(world, "p-1"), "back-1")) == (409, "way_back_missing")

    body = {"passed": False, "evidence": "the reverse slot was gone"}
    assert refused(person(world, "p-1", "approver").decided("/v1/migrations/back-1/way-back", body)) == (403, "forbidden")
    assert person(world, "o-1", "operator").decided("/v1/migrations/back-1/way-back", body).json["events"] == ["WayBackRehearsed"]
    closed = approve(person(world, "p-1"), "back-1")
    assert refused(closed) == (409, "way_back_failed")
    wait_until(lambda: api.get("/v1/migrations/back-1").json["reversibility"]["rehearsal"], "it is shown")
    assert api.get("/v1/migrations/back-1").json["reversibility"]["rehearsal"]["event"] in closed.json["detail"]
    assert "it is closed" in api.get("/v1/migrations/back-1/holdup").json["causes"][0]["reason"]

    trial = migration(migrationId="back-2", rehearses="back-1", approval=True, options={"steps": 8, "shape": "mixed"})
    assert api.decided("/v1/migrations", trial).status == 201
    wait_until(lambda: api.get("/v1/migrations/back-2").json.get("status") == "awaiting_approval", "the rehearsal is at its gate")
    assert api.decided("/v1/migrations/back-2/rollback", {"reason": "that is what it is for"}).status == 200
    wait_until(lambda: api.get("/v1/migrations/back-1").json["reversibility"]["rehearsal"]["by"] == "back-2", "it is noted")
    rehearsal = api.get("/v1/migrations/back-1").json["reversibility"]["rehearsal"]
    assert rehearsal["passed"]
    assert "everything was undone" in rehearsal["reason"]
    assert "WorkDispatched" in approve(person(world, "p-1"), "back-1").json["events"]


def test_a_rehearsal_at_a_time_that_no_answer_could_be_written_with_is_named_R11(world: World) -> None:
    answer = world.api(TENANT).post(
        "/v1/migrations/any-1/way-back", {"passed": True, "evidence": "on a copy", "at": "0001-01-01T00:00:00+14:00"}
    )

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/at")


def test_an_aged_rehearsal_lapses_approvals_by_itself_and_names_the_event_X6(world: World, workers: None) -> None:
    api = world.api(TENANT)
    gated(world, "aged-1", quorum=2, wayBackMaxAgeS=5)
    assert api.decided("/v1/migrations/aged-1/way-back", {"passed": True, "evidence": "on a copy"}).status == 200
    assert approve(person(world, "p-1"), "aged-1").status == 200

    def lapsed() -> list[Any]:
        events = api.get("/v1/migrations/aged-1/timeline?limit=500").json["items"]
        return [event["data"] for event in events if event["type"] == "ApprovalLapsed"]

    wait_until(lambda: bool(lapsed()), "the approval has lapsed")
    rehearsal = api.get("/v1/migrations/aged-1").json["reversibility"]["rehearsal"]
    assert (lapsed()[0]["code"], lapsed()[0]["evidence"]) == ("way_back_too_old", rehearsal["event"])
