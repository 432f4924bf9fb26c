"""Work is told on a topic of the other system's own, and answered on the intake topic."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from libs.runtime.kafka import reader
from libs.testing.waiting import wait_until
from tests.integration.external.conftest import World, act, message_of

TOPIC = "crm.external-work"


@pytest.fixture
def told(world: World) -> Iterator[Consumer]:
    admin = AdminClient({"bootstrap.servers": world.stack.kafka})
    if TOPIC not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
    consumer = reader(world.stack.kafka, **{"group.id": f"{world.prefix}.told"})
    consumer.subscribe([TOPIC])
    yield consumer
    consumer.close()


def next_about(consumer: Consumer, id_: str) -> tuple[dict[str, Any], dict[str, bytes], bytes]:
    """Message, headers and key of the next one about a migration."""
    found: list[tuple[dict[str, Any], dict[str, bytes], bytes]] = []

    def come() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None and message.key() == f"acme/{id_}".encode():
            found.append((message_of(message.value()), dict(message.headers()), message.key()))
        return bool(found)

    wait_until(come, f"a message about {id_}")
    return found[0]


def send(world: World, body: dict[str, Any]) -> None:
    producer = Producer({"bootstrap.servers": world.stack.kafka})
    producer.produce(f"{world.prefix}.intake", json.dumps(body))
    assert producer.flush(20) == 0


def answer(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"workId": data["workId"], "attempt": data["attempt"], "ticket": data["ticket"], **more}


def test_told_on_a_topic_and_answered_on_intake(world: World, told: Consumer) -> None:
    id_ = world.ask("kafka", act("one"), act("two"), kafka={"topic": TOPIC})

    message, headers, _ = next_about(told, id_)
    assert (message["type"], headers["webhook-id"].decode()) == ("work.apply", message["data"]["workId"])
    send(world, answer(message["data"], done=1, total=2, unit="boxes"))
    wait_until(lambda: world.operator.get(f"/v1/migrations/{id_}/progress").json.get("items"), "the progress is shown")
    send(world, answer(message["data"], outcome="succeeded", evidence={"rows": 41}))
    second, _, _ = next_about(told, id_)
    send(world, answer(message["data"], outcome="failed", problem={"code": "too_late", "message": "a late contradiction"}))
    send(world, answer(second["data"], outcome="succeeded"))

    world.wait_for(id_, "completed")
    assert [event["type"] for event in world.events(id_)].count("StepSucceeded") == 2


def test_a_report_without_its_ticket_is_a_dead_letter_with_the_reason_O13(world: World, told: Consumer) -> None:
    id_ = world.ask("kafka-forged", act("one"), kafka={"topic": TOPIC})
    message, _, _ = next_about(told, id_)

    send(world, answer(message["data"], outcome="succeeded") | {"ticket": "guessed"})

    def letters() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = world.operator.get("/v1/dead-letters").json["items"]
        return [letter for letter in items if "/ticket" in letter["detail"]]

    wait_until(letters, "the dead letter is there")
    assert world.status(id_) == "preparing"
