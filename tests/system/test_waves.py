"""A wave on real services: its order and its limits hold, and every command of a policy is written once, whatever is killed (I22-I25, R1)."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from libs.contracts.capacity import CapacitySettings, SetCapacity
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.topics import commands_of
from libs.contracts.wave.commands import AddMembers, PlanWave, StartWave
from libs.contracts.wave.plan import Member, WaveSettings
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.testing.chaos.chance import Random
from libs.testing.chaos.recording import Logged, Tape
from libs.testing.chaos.scene import PARTITIONS, Scene
from libs.testing.servers import SharedServers
from libs.testing.waiting import wait_until

MEMBERS, LIMIT, RUNNING, KILLS = 40, 3, 6, 5
KINDS = ("migration", "wave", "capacity")
DEPENDS = {f"m{n}": tuple(sorted({f"m{n // 2}", f"m{n // 3}"} - {f"m{n}"})) for n in range(MEMBERS)}


@pytest.fixture
def scene(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    with Scene(stack, prefix, tmp_path, {"WHIMBREL_SESSION_TIMEOUT_MS": "6000"}) as scene:
        yield scene


class Teller:
    """Sends clients' commands to aggregates of any kind."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._producer, self._number = scene, kafka.producer(scene.stack.kafka), 0

    def tell(self, kind: str, aggregate: str, body: Any) -> None:
        self._number += 1
        topic = commands_of(self._scene.prefix, kind)
        envelope = CommandEnvelope(
            command_id=f"key-{self._number}",
            tenant="acme",
            aggregate=aggregate,
            environment="dev",
            actor="subject-1",
            correlation_id="wave",
            occurred_at=now_us(),
        )
        record = self._scene.codec.command(topic, envelope, body, b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")
        producer: Producer = self._producer
        producer.produce(topic, record.value, record.key, headers=record.headers)
        assert producer.flush(30) == 0


class Story:
    """Everything the log says of the wave, its members and their capacity."""

    def __init__(self, scene: Scene) -> None:
        topics = [f"{scene.prefix}.{kind}.{role}" for kind in KINDS for role in ("commands", "events")]
        self._tape = Tape(scene.stack.kafka, topics, PARTITIONS)
        self.records: list[Logged] = []

    def of(self, *kinds: str) -> list[Logged]:
        return [record for record in self.records if record.kind in kinds]

    def has(self, kind: str, count: int = 1) -> bool:
        self.records += self._tape.catch_up()
        return len(self.of(kind)) >= count

    def recorded(self, kind: str) -> dict[str, int]:
        """When an event of a kind was recorded, by the id of its aggregate."""
        return {record.envelope["aggregate"]: record.envelope["recorded_at"] for record in self.of(kind)}


def set_out(scene: Scene, teller: Teller) -> None:
    options = json.dumps({"steps": 2, "effects": str(scene.effects)})
    teller.tell("capacity", "limit/host=esx-1", SetCapacity(settings=CapacitySettings(limit=LIMIT)))
    teller.tell("wave", "w1", PlanWave(settings=WaveSettings(max_running=RUNNING)))
    for id_, depends_on in DEPENDS.items():
        request = Request(
            provider="rehearsal", application="a", source="{}", target="{}", options=options, wave="w1", depends_on=depends_on,
            limits=("limit/host=esx-1",),
        )  # fmt: skip
        teller.tell("migration", id_, RequestMigration(request=request))
    teller.tell("wave", "w1", AddMembers(members=tuple(Member(migration=id_, depends_on=others) for id_, others in DEPENDS.items())))
    teller.tell("wave", "w1", StartWave(reason="go"))


@pytest.mark.timeout(300)
def test_order_and_limits_hold_while_the_validator_is_killed_I22_I23_I24_I25_R1(scene: Scene) -> None:
    story, random, teller = Story(scene), Random(5), Teller(scene)
    validator = scene.services.start("services.validator")
    for name in ("migrator", "verifier"):
        scene.services.start(f"services.{name}")
    set_out(scene, teller)
    for kill in range(KILLS):
        wait_until(partial(story.has, "MigrationCompleted", kill * MEMBERS // KILLS + random.randrange(1, 6)), "it gets on", 90)
        validator.send(signal.SIGKILL)
        wait_until(lambda: validator.exit_code() is not None, "it is dead")
        scene.tend()

    scene.wait(lambda: story.has("WaveCompleted"), "the wave is completed", 120)

    assert story.of("WaveCompleted")[0].body["completed"] == MEMBERS
    completed, admitted = story.recorded("MigrationCompleted"), story.recorded("MigrationAdmitted")
    assert all(completed[other] <= admitted[id_] for id_, others in DEPENDS.items() for other in others)
    assert most_holders(story) == LIMIT
    assert most_under_way(completed, admitted) <= RUNNING
    sent = Counter(
        record.envelope["command_id"]
        for record in story.records
        if record.topic.endswith(".commands") and record.envelope["actor"].startswith("policy:")
    )
    assert set(sent.values()) == {1}
    assert validator.starts == KILLS + 1


def most_holders(story: Story) -> int:
    """Most slots that were held at once, in the order of the capacity's own events."""
    held: set[str] = set()
    most = 0
    for event in sorted(story.of("SlotGranted", "SlotFreed", "SlotRevoked"), key=lambda record: record.envelope["version"]):
        if event.kind == "SlotGranted":
            held.add(event.body["holder"])
        else:
            held.discard(event.body["holder"])
        most = max(most, len(held))
    assert held == set()
    return most


def most_under_way(completed: dict[str, int], admitted: dict[str, int]) -> int:
    """Most members that were admitted and not completed at the moment another was admitted."""
    return max(sum(begin <= moment < completed[id_] for id_, begin in admitted.items()) for moment in admitted.values())
