"""What one command can do to the batch it is in: nothing. And what a registry that is away for a moment may cost: nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.avro import Schema, schema_of
from libs.contracts.delivery import Message, RequestDelivery
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import ReportPlan, RequestMigration
from libs.contracts.migration.request import Request
from libs.domain.catalogue import DECIDERS
from libs.runtime.codec import Codec
from libs.runtime.errors import RegistryUnavailable
from libs.runtime.received import Received
from libs.runtime.registry import Registry
from libs.runtime.transaction import Output
from libs.testing.migrations import act, plan_of
from services.validator import deciding
from services.validator.deciding import Deciding
from services.validator.partitioner import partition_of
from services.validator.policing import Policing

PARTITIONS = 4
NOW = 1_767_225_600_000_000
REQUEST = RequestMigration(request=Request(provider="rehearsal", application="billing", source="{}", target="{}"))
TOLD = RequestDelivery(
    message=Message(
        subscription="s", channel="webhook", url="http://x", event_type="t", event_id="e", migration="m", payload="{}", key_generation=1
    )
)


class Flickering(Registry):
    """Gives ids, but not for topics that it is away for."""

    def __init__(self) -> None:
        super().__init__("http://nowhere")
        self.away: set[str] = set()

    def id_for(self, topic: str, schema: Schema) -> int:
        if topic in self.away:
            raise RegistryUnavailable("away")
        return 1


class Nothing:
    def restore(self, wanted: Any) -> Output:
        return Output((), ())


@pytest.fixture
def registry() -> Flickering:
    return Flickering()


@pytest.fixture
def handler(registry: Flickering) -> Deciding:
    codec = Codec(registry, "t", "validator")
    made = Deciding(codec, Nothing(), DECIDERS, "t", PARTITIONS, Policing(codec, {}, "t", PARTITIONS))
    for name in DECIDERS:
        for partition in range(PARTITIONS):
            made.store(f"t.{name}.commands").load(partition, {})
    return made


@pytest.fixture
def command(registry: Flickering) -> Callable[..., Received]:
    codec = Codec(registry, "t", "test")

    def make(kind: str, aggregate: str, body: Any, occurred_at: int = NOW) -> Received:
        envelope = CommandEnvelope(
            command_id=f"{aggregate}/{type(body).__name__}", tenant="acme", aggregate=aggregate, environment="dev", actor="a",
            correlation_id="c", occurred_at=1,
        )  # fmt: skip
        record = codec.command(f"t.{kind}.commands", envelope, body, b"")
        value = record.value[:5] + schema_of(type(body)).encode(body, replace(envelope, occurred_at=occurred_at))
        return Received(f"t.{kind}.commands", partition_of(record.key, PARTITIONS), 0, record.key, value, record.headers)

    return make


def test_a_batch_that_is_asked_for_again_finds_its_states_as_they_were_D1(
    registry: Flickering, handler: Deciding, command: Callable[..., Received]
) -> None:
    batch = [command("migration", "m-1", REQUEST), command("delivery", "d-1", TOLD)]
    registry.away = {"t.delivery.state"}
    with pytest.raises(RegistryUnavailable):
        handler.handle(batch, NOW)
    registry.away = set()

    output = handler.handle(batch, NOW)

    assert {topic for topic, _, _ in output.first} == {"t.migration.events", "t.delivery.events"}
    assert len(output.then) == 2


@pytest.mark.parametrize("occurred_at", [2**62, -1, 253_402_300_800_000_000])
def test_a_time_that_no_calendar_knows_is_poison_and_stops_nobody_R11(
    handler: Deciding, command: Callable[..., Received], occurred_at: int
) -> None:
    output = handler.handle([command("migration", "m-1", REQUEST, occurred_at), command("migration", "m-2", REQUEST)], NOW)

    assert [topic for topic, _, _ in output.then] == ["t.migration.state", "t.dead-letters"]
    assert b"invalid_time" in output.then[1][2].value  # type: ignore[operator]


def test_a_plan_whose_times_overflow_is_refused_with_its_reason_O3(handler: Deciding, command: Callable[..., Received]) -> None:
    handler.handle([command("migration", "m-1", REQUEST)], NOW)
    plan = plan_of(replace(act("copy"), timeout_ms=2**62))

    output = handler.handle([command("migration", "m-1", ReportPlan(work_id="acme/m-1/plan/-/plan/1", attempt=1, plan=plan))], NOW)

    assert [dict(record.headers)["ce_type"] for _, _, record in output.first] == [b"whimbrel.migration.MigrationRejected"]
    assert b"timeout_ms" in output.first[0][2].value


def test_a_batch_with_more_events_than_a_restore_reads_back_is_taken_in_parts_R4(
    handler: Deciding, command: Callable[..., Received], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "MOST_EVENTS", 5)
    batch = [command("migration", f"m-{number}", REQUEST) for number in range(7)]

    taken = []
    while batch:
        output = handler.handle(batch, NOW)
        assert output.taken is not None
        taken.append(output.taken)
        assert len(output.first) == 2 * output.taken
        batch = batch[output.taken :]

    assert taken == [3, 3, 1]
