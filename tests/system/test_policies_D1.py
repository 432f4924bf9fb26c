"""Commands of policies are written with the event they follow from: neither lost nor doubled, whatever is killed (D1, R1)."""

import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.contracts.migration.commands import RequestMigration
from libs.runtime import kafka
from libs.testing.chaos.chance import Random
from libs.testing.chaos.recording import Logged, Tape
from libs.testing.chaos.scene import PARTITIONS, Scene
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import REQUEST, act, plan_of
from libs.testing.policed_validator import TOO_MANY
from libs.testing.servers import SharedServers
from libs.testing.waiting import wait_until
from services.validator.partitioner import partition_of

VALIDATOR = "libs.testing.policed_validator"
MIGRATIONS, KILLS = 1_500, 6


@pytest.fixture
def scene(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    with Scene(stack, prefix, tmp_path, {"WHIMBREL_SESSION_TIMEOUT_MS": "6000"}) as scene:
        yield scene


class Deliveries:
    """What the log holds of deliveries."""

    def __init__(self, scene: Scene) -> None:
        self._tape = Tape(scene.stack.kafka, [f"{scene.prefix}.delivery.commands", f"{scene.prefix}.delivery.events"], PARTITIONS)
        self.commands: list[Logged] = []
        self.events: list[Logged] = []

    def catch_up(self) -> None:
        for one in self._tape.catch_up():
            (self.commands if one.topic.endswith(".commands") else self.events).append(one)

    def asked(self, count: int) -> bool:
        self.catch_up()
        return len(self.commands) >= count and len(self.events) >= count


def names(count: int) -> Counter[str]:
    return Counter(f"acme/m{number}-{n}" for number in range(count) for n in range(2))


def told(records: list[Logged]) -> Counter[str]:
    return Counter(record.key.decode() for record in records)


@pytest.mark.timeout(300)
def test_commands_are_neither_lost_nor_doubled_when_the_validator_is_killed_R1(scene: Scene) -> None:
    deliveries, random = Deliveries(scene), Random(11)
    validator = scene.services.start(VALIDATOR).wait_ready()
    for kill in range(KILLS):
        scene.request(MIGRATIONS // KILLS)
        scene.sender.flush(0)
        wait_until(partial(deliveries.asked, 2 * kill * MIGRATIONS // KILLS + random.randrange(1, 200)), "some were asked for")
        validator.send(signal.SIGKILL)
        wait_until(lambda: validator.exit_code() is not None, "it is dead")
        scene.tend()

    wait_until(lambda: deliveries.asked(2 * scene.requested) and scene.lag() == 0, "all were asked for", 120)
    deliveries.catch_up()

    assert told(deliveries.commands) == told(deliveries.events) == names(scene.requested)
    assert validator.starts == KILLS + 1


def test_each_command_says_what_it_follows_from_and_lies_where_its_key_belongs_D1(scene: Scene) -> None:
    deliveries = Deliveries(scene)
    scene.services.start(VALIDATOR)
    scene.request(1)
    wait_until(lambda: deliveries.asked(2), "they were asked for")

    command, event = deliveries.commands[0], deliveries.events[0]
    assert command.envelope["actor"] == "policy:deliver"
    assert event.envelope["causation_id"] == command.envelope["command_id"]
    assert event.envelope["correlation_id"] == command.envelope["correlation_id"]
    assert {one.partition for one in deliveries.commands} == {partition_of(one.key, PARTITIONS) for one in deliveries.commands}


def test_a_command_lost_with_its_state_in_a_torn_transaction_is_sent_again_D10(scene: Scene) -> None:
    """The log holds events whose states and commands never came (KAFKA-17754); later the same validator finds nothing more to do."""
    writer = LogWriter(scene.codec, kafka.producer(scene.stack.kafka), scene.prefix, partitions=PARTITIONS)
    writer.request("acme", "m0", plan_of(act("copy")))
    writer.flush()
    deliveries = Deliveries(scene)

    validator = scene.services.start(VALIDATOR).wait_ready()
    wait_until(lambda: deliveries.asked(2), "they were asked for")
    validator.stop()
    validator.start()
    validator.wait_ready()
    deliveries.catch_up()

    assert told(deliveries.commands) == names(1)
    assert [line["commands"] for line in validator.lines("restored")] == [2, 0]


def test_an_event_that_would_lead_to_too_many_commands_is_never_written_D6(scene: Scene) -> None:
    deliveries = Deliveries(scene)
    letters = Tape(scene.stack.kafka, [f"{scene.prefix}.dead-letters"], PARTITIONS)
    scene.services.start(VALIDATOR)
    scene.sender.send("acme", "too-many", RequestMigration(request=replace(REQUEST, application=TOO_MANY)))
    scene.request(1)
    wait_until(lambda: deliveries.asked(2), "the other was asked for")

    assert [letter.body["reason"] for letter in letters.catch_up()] == ["too_many_consequences"]
    assert told(deliveries.commands) == names(1)
