"""Work is handed over to another system and stays open until its report: nothing of Whimbrel waits in between."""

import pytest

from libs.testing.waiting import wait_until
from tests.integration.external.conftest import World, act


def test_a_migration_is_carried_out_by_what_is_told_and_reported(world: World) -> None:
    id_ = world.ask("whole", act("one", parameters={"name": "ada"}), {"name": "look", "phase": "testing", "kind": "check"})

    (first,) = world.told(id_)
    data = first.body["data"]
    assert (first.id, first.type, first.headers["webhook-id"]) == (f"acme/{id_}/0/-/apply/1", "work.apply", data["workId"])
    assert (data["attempt"], data["step"], data["parameters"], data["source"], data["target"]) == (
        1,
        "one",
        {"name": "ada"},
        {"old": 1},
        {"new": 2},
    )
    answer = world.report(first, evidence={"rows": 41})
    _, second = world.told(id_, 2)
    assert (answer.status, second.type, second.body["data"]["step"]) == (202, "work.check", "look")
    assert second.body["data"]["fence"] > data["fence"]
    world.report(second)

    world.wait_for(id_, "completed")
    (evidence,) = (item["evidence"] for item in world.operator.get(f"/v1/migrations/{id_}/evidence").json["items"] if item["evidence"])
    assert evidence == {"rows": 41}


def test_open_work_holds_no_place_in_the_worker(world: World) -> None:
    ids = [world.ask(f"open-{number}", act("one")) for number in range(5)]  # the migrator carries out one thing at a time

    told = [world.told(id_)[0] for id_ in ids]
    for one in reversed(told):
        world.report(one)

    for id_ in ids:
        world.wait_for(id_, "completed")


def test_a_failure_is_tried_again_and_then_undone(world: World) -> None:
    id_ = world.ask("fails", act("one", attempts=2))
    problem = {"code": "disk_full", "message": "there is no room", "remedy": "make room"}

    world.report(world.told(id_)[0], "failed", problem=problem)
    second = world.told(id_, 2)[1]
    world.report(second, "failed", problem=problem)
    undo = world.told(id_, 3)[2]

    assert (second.id, second.body["data"]["attempt"]) == (f"acme/{id_}/0/-/apply/1", 2)
    assert (undo.id, undo.type) == (f"acme/{id_}/0/-/undo/1", "work.undo")
    world.report(undo)
    world.wait_for(id_, "rolled_back")


def test_after_the_deadline_the_next_attempt_is_told(world: World) -> None:
    id_ = world.ask("late", act("one", timeout_ms=1_000))

    first, second = world.told(id_, 2)

    assert [one.body["data"]["attempt"] for one in (first, second)] == [1, 2]
    assert first.id == second.id
    wait_until(
        lambda: any(one["attempt"] > 1 for one in world.operator.get(f"/v1/migrations/{id_}").json.get("work", ())), "ingress knows of it"
    )
    answer = world.report(first)
    assert (answer.status, answer.json["code"]) == (409, "report_stale")
    assert answer.json["attempt"] >= 2
    assert "no_report" in answer.json["detail"]
    while world.report(second).status == 409:  # on a slow machine that one is late, too
        second = world.told(id_, second.body["data"]["attempt"] + 1)[-1]
    world.wait_for(id_, "completed")


def test_what_is_under_way_is_looked_at_before_it_is_undone_D5(world: World) -> None:
    id_ = world.ask("back", act("one"))
    world.told(id_)

    world.operator.decided(f"/v1/migrations/{id_}/rollback", {"reason": "changed our mind"})
    look = world.told(id_, 2)[1]
    assert (look.type, look.body["data"]["kind"]) == ("work.check", "act")
    world.report(look, evidence={"applied": True})
    undo = world.told(id_, 3)[2]
    world.report(undo)

    world.wait_for(id_, "rolled_back")
    outcomes = [event["data"]["outcome"] for event in world.events(id_) if event["type"] == "WorkSettled"]
    assert outcomes == ["unknown", "succeeded"]
    assert world.report(world.told(id_)[0]).json["code"] == "report_stale"


def test_after_a_crash_of_the_worker_the_same_message_comes_again(world: World) -> None:
    id_ = world.ask("crash", act("one"))
    (first,) = world.told(id_)

    world.migrator.kill()
    world.migrator.start()
    again = world.told(id_, 2)[1]

    assert (again.id, again.text) == (first.id, first.text)
    world.report(first)
    world.wait_for(id_, "completed")
    assert [event["type"] for event in world.events(id_)].count("StepSucceeded") == 1


@pytest.mark.parametrize(("status", "retries"), [(500, True), (410, False)])
def test_a_system_that_does_not_take_the_message_is_told_again_unless_it_is_gone(world: World, status: int, retries: bool) -> None:
    id_ = f"refusing-{status}"
    world.receiver.answers[f"/{id_}"] = lambda before: (status, {}) if before == 0 else (202, {})

    world.ask(id_, act("one"))

    if retries:
        world.report(world.told(id_, 2)[1])
        world.wait_for(id_, "completed")
    else:
        world.report(world.told(id_, 2)[1])  # the undo
        world.wait_for(id_, "rolled_back")
    problems = [event["data"]["problem"] for event in world.events(id_) if "problem" in event["data"]]
    assert [(one["code"], str(status) in one["message"]) for one in problems] == [("not_told", True)]


def test_a_request_that_cannot_be_carried_out_names_every_mistake_O3(world: World) -> None:
    id_ = world.ask("wrong", {"name": "one", "phase": "someday"}, webhook={"url": "http://10.0.0.1/", "secret": "env:TEST_WEBHOOK_SECRET"})

    wait_until(lambda: world.status(id_) == "rejected", "it is rejected")
    (rejected,) = (event["data"]["problems"] for event in world.events(id_) if event["type"] == "MigrationRejected")
    assert {one["field"] for one in rejected} == {"/options/steps/0/phase", "/options/steps/0/compensation"}
