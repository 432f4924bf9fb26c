"""Whoever subscribed is told of each event wanted, once, signed and in order (O8, R9)."""

from libs.contracts.subscription import Interest, RotateSecret
from libs.testing.waiting import wait_until
from tests.integration.notifier.world import World

ALL = ["migration.requested", "migration.planned", *["migration.step.completed"] * 3, "migration.completed"]


def test_each_event_wanted_arrives_once_signed_and_in_order_O8_R9(world: World) -> None:
    world.subscribe("told", "everything", "/told/all", "*")
    world.subscribe("told", "ends", "/told/ends", "migration.completed", "migration.failed")
    world.subscribe("another", "everything", "/another", "*")

    trace = world.migrate("told", "m-1")
    wait_until(lambda: len(world.receiver.at("/told/all")) >= len(ALL) and world.receiver.at("/told/ends"), "everything has arrived")

    requests = world.receiver.at("/told/all")
    assert [request.type for request in requests] == ALL
    assert [request.type for request in world.receiver.at("/told/ends")] == ["migration.completed"]
    assert world.receiver.at("/another") == []
    for request in requests:
        assert request.verify(world.secrets.of_subscription("told", "everything", 1)) == request.body
        assert request.body["data"]["migration"] == "m-1"
        assert request.headers["traceparent"][3:35] == trace[3:35]
        assert request.headers["content-type"] == "application/json"
        assert len(request.text) < 20_000
    versions = [request.body["data"]["version"] for request in requests]
    assert versions == sorted(set(versions))


def test_the_webhook_id_is_the_delivery_on_the_log_and_each_is_delivered_there_D3(world: World) -> None:
    world.subscribe("logged", "ends", "/logged", "migration.completed")

    world.migrate("logged", "m-1")
    wait_until(lambda: world.receiver.at("/logged"), "it has arrived")

    (request,) = world.receiver.at("/logged")
    wait_until(lambda: world.state("delivery", "logged", request.id).status == "delivered", "it is reported")
    events = {found.decoded.envelope.event_id: found for found in world.records("migration.events", "logged")}
    event = events[request.body["data"]["eventId"]]
    delivery = next(found for found in world.records("delivery.events", "logged"))
    assert type(event.body).__name__ == "MigrationCompleted"
    assert delivery.key.decode() == f"logged/{request.id}"
    assert delivery.partition == event.partition


def test_events_older_than_the_subscription_are_not_told(world: World) -> None:
    world.subscribe("late", "first", "/late/first", "*")
    world.migrate("late", "m-1")
    wait_until(lambda: len(world.receiver.at("/late/first")) == len(ALL), "the first is told")

    world.subscribe("late", "second", "/late/second", "*")
    world.migrate("late", "m-2")
    wait_until(lambda: len(world.receiver.at("/late/second")) >= len(ALL), "the second is told")

    assert {request.body["data"]["migration"] for request in world.receiver.at("/late/second")} == {"m-2"}


def test_after_a_rotation_both_secrets_are_good_SEC4(world: World) -> None:
    world.subscribe("rotating", "ends", "/rotating", "migration.completed")
    world.send("subscription", "rotating", "ends", RotateSecret())
    wait_until(lambda: world.state("subscription", "rotating", "ends").generation == 2, "the secret is rotated")

    world.migrate("rotating", "m-1")
    wait_until(lambda: world.receiver.at("/rotating"), "it has arrived")

    (request,) = world.receiver.at("/rotating")
    assert len(request.headers["webhook-signature"].split()) == 2
    for generation in (1, 2):
        request.verify(world.secrets.of_subscription("rotating", "ends", generation))


def test_no_secret_is_on_the_log_or_in_the_services_logs_SEC9(world: World) -> None:
    world.subscribe("discreet", "ends", "/discreet", "migration.completed")
    world.migrate("discreet", "m-1")
    wait_until(lambda: world.receiver.at("/discreet"), "it has arrived")

    (request,) = world.receiver.at("/discreet")
    secret = world.secrets.of_subscription("discreet", "ends", 1).removeprefix("whsec_")
    assert isinstance(world.state("subscription", "discreet", "ends").interest, Interest)
    for topic in ("subscription.events", "subscription.state", "delivery.commands", "delivery.events", "delivery.state"):
        text = repr(world.records(topic, "discreet"))
        assert secret not in text
        assert request.headers["webhook-signature"] not in text
    assert secret not in world.notifier.log.read_text()
