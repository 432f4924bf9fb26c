"""A short chaos run finds nothing, and the checker finds each anomaly that is planted in what it recorded (R1-R4, R7)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.stack import Stack
from libs.runtime.kafka import create_topics
from libs.testing.chaos.checker import ANOMALIES, check
from libs.testing.chaos.journal import Entry
from libs.testing.chaos.recording import Logged
from libs.testing.chaos.run import Plan, Result, run_on
from libs.testing.chaos.scene import PARTITIONS

KILLS = 12


def chaos(stack: Stack, prefix: str, plan: Plan, home: Path) -> Result:
    create_topics(stack.kafka, prefix, PARTITIONS)
    return run_on(stack, prefix, plan, home)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Servers of its own: a broker that holds what all tests left behind takes long to come back from each kill."""
    with Stack.ephemeral(kafka_short_lived=True) as running:
        yield running


@pytest.fixture(scope="module")
def result(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Result:
    plan = Plan(kills=KILLS, seed=7, rate=15.0, settle_s=120.0)
    return chaos(stack, "chaos-short", plan, tmp_path_factory.mktemp("chaos"))


@pytest.mark.timeout(400)
def test_nothing_is_lost_doubled_or_left_half_done_when_everything_is_killed_R1(result: Result) -> None:
    assert result.evidence.findings.examples == {}
    assert result.line["kills"] == KILLS
    assert {"kafka", "postgres", "validator-0"} <= result.line["killed"].keys()
    assert result.line["acknowledged"] > 100
    assert result.line["ended"]["MigrationCompleted"] > 0
    assert result.line["ended"]["MigrationRolledBack"] > 0
    assert 0 < result.line["recovery_p50_s"] <= result.line["recovery_max_s"]


class Sample:
    """A few of the migrations that were recorded: small enough to be checked once for each anomaly."""

    def __init__(self, result: Result) -> None:
        whole = result.evidence
        kinds: dict[bytes, list[str]] = {}
        for event in whole.recording.events:
            kinds.setdefault(event.key, []).append(event.kind)
        self.completed = next(key for key, of in kinds.items() if of[-1] == "MigrationCompleted" and of.count("StepSucceeded") > 2)
        undone = (key for key, of in kinds.items() if of[-1] == "MigrationRolledBack" and of.count("StepCompensated") > 1)
        self.rolled_back = next(undone)
        keys = {self.completed, self.rolled_back}
        self.recording = whole.recording.only(keys)
        names = {tuple(key.decode().split("/")) for key in keys}
        self.journal = [entry for entry in whole.journal if (entry.tenant, entry.aggregate) in names]
        self.effects = [effect for effect in whole.effects if effect.key in keys]
        self.differences: list[str] = []

    def last(self, kind: str) -> Logged:
        return [event for event in self.recording.events if event.kind == kind][-1]

    def events(self, change: Callable[[list[Logged]], list[Logged]]) -> None:
        self.recording = replace(self.recording, events=change(self.recording.events))

    def undo(self) -> list[int]:
        """Where the undone effects of the migration that was rolled back are."""
        return [i for i, e in enumerate(self.effects) if e.key == self.rolled_back and e.direction == "undo" and e.changed]


def altered(record: Logged, **changes: Any) -> Logged:
    return record._replace(body=record.body | {"envelope": record.envelope | changes})


def swap(old: Logged, new: Logged) -> Callable[[list[Logged]], list[Logged]]:
    return lambda events: [new if event is old else event for event in events]


def lost(s: Sample) -> None:
    s.journal.append(Entry(what="acknowledged", tenant="acme", aggregate="m1", command_id="never seen"))


def duplicates(s: Sample) -> None:
    s.events(lambda events: [*events, events[-1]._replace(offset=events[-1].offset + 1_000_000)])


def aborted_read(s: Sample) -> None:
    command = next(one for one in s.recording.commands if one.kind == "RequestMigration")
    s.recording = replace(s.recording, committed={**s.recording.committed, command.partition: command.offset})


def unexpected(s: Sample) -> None:
    causation = s.last("MigrationCompleted").envelope["causation_id"]
    s.recording = replace(
        s.recording, commands=[one for one in s.recording.commands if not one.kind or one.envelope["command_id"] != causation]
    )


def torn(s: Sample) -> None:
    s.events(lambda events: [event for event in events if event is not s.last("MigrationCompleted")])


def torn_state(s: Sample) -> None:
    s.recording = replace(s.recording, states={k: v for k, v in s.recording.states.items() if k != s.completed})


def gap(s: Sample) -> None:
    s.events(lambda events: [event for event in events if event is not s.last("MigrationPlanned")])


def chain_broken(s: Sample) -> None:
    event = s.last("StepSucceeded")
    s.events(swap(event, altered(event, previous=b"\0" * 32)))


def time_backwards(s: Sample) -> None:
    event = s.last("StepSucceeded")
    s.events(swap(event, altered(event, recorded_at=1)))


def illegal_transition(s: Sample) -> None:
    event = s.last("MigrationPlanned")
    s.events(swap(event, event._replace(kind="RollbackStarted", body=event.body | {"steps": []})))


def double_effects(s: Sample) -> None:
    effect = next(e for e in s.effects if e.key == s.completed and e.changed)
    s.effects.append(effect._replace(fence=effect.fence + 1_000))


def double_effects_under_another_id(s: Sample) -> None:
    i, effect = next((i, e) for i, e in enumerate(s.effects) if e.key == s.rolled_back and e.direction == "undo" and e.changed)
    step, round_ = effect.work_id.split("/")[-4], effect.work_id.split("/")[-1]
    other = f"{effect.key.decode()}/{int(step) + 90}/-/undo/{round_}"
    s.effects.insert(i + 1, effect._replace(direction="apply"))
    s.effects.insert(i + 2, effect._replace(work_id=other))


def double_effects_by_a_zombie(s: Sample) -> None:
    effect = [e for e in s.effects if e.key == s.completed][-1]
    s.effects.append(effect._replace(fence=0, changed=False))


def effects_differ(s: Sample) -> None:
    del s.effects[s.undo()[-1]]


def effects_differ_when_completed(s: Sample) -> None:
    s.effects = [effect for effect in s.effects if effect.key != s.completed or effect.step != "step_1"]


def compensation_order(s: Sample) -> None:
    first, second = s.undo()[:2]
    s.effects[first], s.effects[second] = (
        s.effects[second]._replace(fence=s.effects[first].fence),
        s.effects[first]._replace(fence=s.effects[second].fence),
    )


def stuck(s: Sample) -> None:
    s.events(lambda events: [event for event in events if event is not s.last("MigrationRolledBack")])


def readmodel_differs(s: Sample) -> None:
    s.differences = ["a row"]


def tenant_leak(s: Sample) -> None:
    event = s.last("MigrationRequested")
    s.events(swap(event, event._replace(value=event.value + b"canary:nobody:")))


def dead_letters_missing(s: Sample) -> None:
    s.journal.append(Entry(what="garbage", topic="t", partition=0, offset=1, sha256="00"))


def letter(value: bytes) -> Logged:
    body = {"topic": "t", "partition": 0, "offset": 1, "value": value, "detail": ""}
    return Logged("dead", 0, 0, 0, b"", b"", "DeadLetter", body, b"", {})


def dead_letters_altered(s: Sample) -> None:
    dead_letters_missing(s)
    s.recording = replace(s.recording, dead_letters=[letter(b"altered")])


def dead_letters_unexpected(s: Sample) -> None:
    s.recording = replace(s.recording, dead_letters=[letter(b"a good command")])


PLANTS = (
    lost, duplicates, aborted_read, unexpected, torn, torn_state, gap, chain_broken, time_backwards, illegal_transition, double_effects,
    double_effects_under_another_id, double_effects_by_a_zombie, effects_differ, effects_differ_when_completed, compensation_order,
    stuck, readmodel_differs, tenant_leak, dead_letters_missing, dead_letters_altered, dead_letters_unexpected,
)  # fmt: skip


def anomaly_of(plant: Callable[[Sample], None]) -> str:
    return max((name for name in ANOMALIES if plant.__name__.startswith(name)), key=len)


def test_every_anomaly_is_planted_once() -> None:
    assert {anomaly_of(plant) for plant in PLANTS} == set(ANOMALIES)


def test_the_sample_itself_is_clean(result: Result) -> None:
    sample = Sample(result)
    assert check(sample.recording, sample.journal, sample.effects).examples == {}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_the_checker_finds_what_is_planted(result: Result, plant: Callable[[Sample], None]) -> None:
    sample = Sample(result)
    plant(sample)

    found = check(sample.recording, sample.journal, sample.effects, sample.differences)

    assert found.counts[anomaly_of(plant)] > 0, found.examples


@pytest.mark.timeout(300)
def test_a_validator_that_forgets_its_states_is_caught_R1(stack: Stack, tmp_path: Path) -> None:
    plan = Plan(2, seed=3, rate=15.0, settle_s=5.0, validator="libs.testing.chaos.broken_validator", targets=("broken_validator-0",))
    found = chaos(stack, "chaos-broken", plan, tmp_path).evidence.findings

    assert found.counts["stuck"] > 0
    assert not found.clean
