"""Reading history again tells nobody anything; sending something again is an operator's wish (O8, X13)."""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from libs.contracts.delivery import ReplayDelivery
from libs.testing.waiting import PARTITIONS, wait_until
from tests.integration.notifier.world import World


def test_an_operator_has_a_message_sent_once_more_under_the_same_id_O8(world: World) -> None:
    world.subscribe("again", "ends", "/again", "migration.completed")
    world.migrate("again", "m-1")
    wait_until(lambda: world.receiver.at("/again"), "it has arrived")
    (first,) = world.receiver.at("/again")
    wait_until(lambda: world.state("delivery", "again", first.id).status == "delivered", "it is reported")

    world.send("delivery", "again", first.id, ReplayDelivery(reason="the receiver lost its database"))
    wait_until(lambda: len(world.receiver.at("/again")) == 2, "it has arrived again")

    second = world.receiver.at("/again")[1]
    assert (second.id, second.text) == (first.id, first.text)
    second.verify(world.secrets.of_subscription("again", "ends", 1))


def test_reading_all_events_again_tells_nobody_anything_X13(world: World) -> None:
    world.subscribe("replay", "all", "/replay", "*")
    world.migrate("replay", "m-1", callback="/replay/callback")
    wait_until(lambda: len(world.receiver.at("/replay")) == 6 and world.receiver.at("/replay/callback"), "everything has arrived")
    world.notifier.stop()
    wait_until(lambda: rewound(world), "the matcher's group is empty, and its offsets are at the beginning")

    world.notifier.start()
    world.migrate("replay", "m-2")
    wait_until(lambda: len(world.receiver.at("/replay")) >= 12, "the next migration is told")

    told = world.receiver.at("/replay")
    assert len({request.id for request in told}) == len(told) == 12
    assert len(world.receiver.at("/replay/callback")) == 1
    assert len([found for found in world.records("delivery.commands", "replay") if "Request" in type(found.body).__name__]) > 13


def rewound(world: World) -> bool:
    places = [TopicPartition(f"{world.prefix}.migration.events", number, 0) for number in range(PARTITIONS)]
    group = ConsumerGroupTopicPartitions(f"{world.prefix}.notifier-matcher", places)
    admin = AdminClient({"bootstrap.servers": world.kafka})
    (future,) = admin.alter_consumer_group_offsets([group]).values()
    try:
        return all(place.error is None for place in future.result(60).topic_partitions)
    except KafkaException:  # a static member is waited for until its session times out
        return False
