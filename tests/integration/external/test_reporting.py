"""Reports by HTTP: only whoever was told of an attempt can answer it; repeats, late and contradictory answers are told so."""

from typing import Any

import pytest

from libs.testing.waiting import wait_until
from tests.integration.external.conftest import World, act
from tests.integration.ingress.http import Api


def test_the_same_answer_twice_finds_the_first_D2(world: World) -> None:
    id_ = world.ask("twice", act("one"), act("two"))
    (first,) = world.told(id_)
    assert world.report(first).status == 202
    world.told(id_, 2)
    wait_until(lambda: world.report(first).status == 200, "the read model has the first answer")

    again = world.report(first)

    assert (again.json["outcome"], again.json["event"], again.json["attempt"]) == ("succeeded", "StepSucceeded", 1)
    world.report(world.told(id_, 2)[1])
    world.wait_for(id_, "completed")
    assert [event["type"] for event in world.events(id_)].count("StepSucceeded") == 2


def test_an_answer_that_contradicts_the_one_on_record_is_a_conflict(world: World) -> None:
    id_ = world.ask("contradiction", act("one"))
    (first,) = world.told(id_)
    world.report(first)
    world.wait_for(id_, "completed")

    answer = world.report(first, "failed", problem={"code": "no_it_did_not", "message": "it did not work"})

    assert (answer.status, answer.json["code"]) == (409, "report_stale")
    assert "on record as succeeded" in answer.json["detail"]
    assert world.status(id_) == "completed"


def test_an_answer_to_an_older_attempt_is_told_which_one_is_under_way(world: World) -> None:
    id_ = world.ask("older", act("one"))
    (first,) = world.told(id_)
    world.report(first, "failed", problem={"code": "not_now", "message": "not now"})
    second = world.told(id_, 2)[1]
    wait_until(lambda: world.report(first).status == 409, "the read model knows of the second attempt")

    answer = world.report(first)

    assert (answer.json["code"], answer.json["attempt"]) == ("report_stale", 2)
    assert "on record as failed (not_now: not now); attempt 2 is under way" in answer.json["detail"]
    assert world.report(second).status == 202
    world.wait_for(id_, "completed")


def test_only_whoever_was_told_can_answer_SEC1(world: World) -> None:
    id_ = world.ask("ticket", act("one"), act("two"))
    data = world.told(id_)[0].body["data"]
    body = {"attempt": 1, "ticket": data["ticket"], "outcome": "succeeded"}
    other = world.ask("ticket-2", act("one"))
    others = world.told(other)[0].body["data"]

    def refused(api: Api, path: str = data["report"], **changes: Any) -> tuple[int, str]:
        answer = api.post(path, body | changes)
        return answer.status, answer.json["code"]

    assert refused(world.reporter, ticket="x" * 43) == (403, "wrong_ticket")
    assert refused(world.reporter, ticket=others["ticket"]) == (403, "wrong_ticket")
    assert refused(world.reporter, attempt=2) == (403, "wrong_ticket")
    assert refused(world.reporter, data["report"].replace("/apply/", "/undo/")) == (403, "wrong_ticket")
    assert refused(world.reporter, data["report"].replace("/acme/", "/other/")) == (404, "not_found")
    assert refused(Api(world.port, world.issuer.issue("other", "x", ("reporter",)))) == (404, "not_found")
    assert refused(Api(world.port, world.issuer.issue("acme", "x", ("viewer", "owner", "producer")))) == (403, "forbidden")
    assert refused(Api(world.port)) == (401, "unauthenticated")
    assert world.status(id_) == "preparing"


def test_a_reporter_can_do_nothing_else_SEC1(world: World) -> None:
    id_ = world.ask("narrow", act("one"))

    answers = [
        world.reporter.get("/v1/migrations"),
        world.reporter.get(f"/v1/migrations/{id_}"),
        world.reporter.post(f"/v1/migrations/{id_}/cancel", {"reason": "x"}),
    ]

    assert {(answer.status, answer.json["code"]) for answer in answers} == {(403, "forbidden")}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/attempt", "/ticket", "/outcome"}),
        ({"attempt": 0, "ticket": "", "outcome": "fine"}, {"/attempt", "/ticket", "/outcome"}),
        ({"attempt": 1, "ticket": "t", "outcome": "failed"}, {"/problem"}),
        (
            {"attempt": 1, "ticket": "t", "outcome": "failed", "problem": {"code": "No", "message": ""}},
            {"/problem/code", "/problem/message"},
        ),
        ({"attempt": 1, "ticket": "t", "outcome": "succeeded", "evidence": {"a": {}}, "more": 1}, {"/evidence", "/more"}),
    ],
)
def test_a_report_that_is_not_valid_names_every_field(world: World, body: dict[str, Any], pointers: set[str]) -> None:
    answer = world.reporter.post("/v1/work-items/acme/any/0/-/apply/1/report", body)

    assert (answer.status, {error["pointer"] for error in answer.json["errors"]}) == (422, pointers)


@pytest.mark.parametrize(
    "place", ["acme/any/x/-/apply/1", "acme/any/0/a/apply/1", "acme/any/0/-/plan/1", "acme/any/0/-/apply", "acme%2Fany/0/-/apply/1"]
)
def test_what_is_no_work_id_is_not_found(world: World, place: str) -> None:
    answer = world.reporter.post(f"/v1/work-items/{place}/report", {"attempt": 1, "ticket": "t", "outcome": "succeeded"})

    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_progress_is_shown_and_refused_once_it_is_over(world: World) -> None:
    id_ = world.ask("progress", act("one"))
    data = world.told(id_)[0].body["data"]
    path, said = (
        data["report"].replace("/report", "/progress"),
        {"attempt": 1, "ticket": data["ticket"], "done": 3, "total": 7, "unit": "mailboxes"},
    )

    assert world.reporter.post(path, said).status == 202
    wait_until(lambda: world.operator.get(f"/v1/migrations/{id_}/progress").json.get("items"), "the progress is shown")
    (shown,) = world.operator.get(f"/v1/migrations/{id_}/progress").json["items"]
    assert (shown["done"], shown["total"], shown["unit"]) == (3, 7, "mailboxes")
    world.report({"data": data})
    world.wait_for(id_, "completed")

    late = world.reporter.post(path, said)
    assert (late.status, late.json["code"]) == (409, "report_stale")
    assert world.reporter.post(path, said | {"done": 9}).status == 422
