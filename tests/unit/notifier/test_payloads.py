"""The body of a webhook (O8): what it says of each event, what it never says, and how large it may be (R10)."""

from typing import Any

import orjson
import pytest

from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.values import Problem
from services.notifier.payloads import LIMIT, payload_of

ENVELOPE = EventEnvelope(
    event_id="e-1",
    tenant="acme",
    aggregate="mig-7",
    version=12,
    environment="dev",
    actor="u-1",
    correlation_id="c-1",
    causation_id="x-1",
    command_digest=b"",
    occurred_at=1_767_225_600_000_000,
    recorded_at=1_767_225_600_123_456,
    previous=b"",
)
PROBLEM = Problem(code="disk_full", category="migration_execution", message="the target's disk is full", remedy="make room")


def body_of(event: Any) -> dict[str, Any]:
    text = payload_of("a.name", ENVELOPE, event, "migration:3:42")
    assert len(text.encode()) < LIMIT
    found: dict[str, Any] = orjson.loads(text)
    return found


def test_a_body_says_what_happened_to_which_migration_and_where_it_stands_on_the_log_O8() -> None:
    assert body_of(e.StepSucceeded(work_id="w", step=3, name="copy", evidence={"rows": 41})) == {
        "type": "a.name",
        "timestamp": "2026-01-01T00:00:00.123456Z",
        "data": {
            "migration": "mig-7",
            "version": 12,
            "eventId": "e-1",
            "position": "migration:3:42",
            "correlationId": "c-1",
            "environment": "dev",
            "step": "copy",
            "evidence": {"rows": 41},
        },
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (e.MigrationCompleted(steps=8), {"status": "completed", "steps": 8}),
        (e.MigrationResumed(reason="", phase="testing"), {"status": "testing"}),
        (e.MigrationRejected(problems=(PROBLEM,)), {"status": "rejected"}),
        (e.ApprovalRequested(step=1, name="gate", expires_at=0), {"status": "awaiting_approval", "step": "gate", "expiresAt": None}),
        (e.WaitStarted(step=1, name="soak", until=1_767_225_600_000_000), {"until": "2026-01-01T00:00:00.000000Z"}),
        (e.RollbackStarted(intent="rolled_back", steps=("b", "a")), {"status": "rolling_back", "steps": ["b", "a"]}),
    ],
)
def test_a_body_has_the_particulars_of_its_event(event: Any, expected: dict[str, Any]) -> None:
    assert body_of(event)["data"].items() >= expected.items()


def test_a_failure_comes_with_its_problem() -> None:
    data = body_of(e.StepFailed(work_id="w", step=1, name="copy", problem=PROBLEM, held=True))["data"]

    assert (data["status"], data["held"], data["problem"]["code"], data["problem"]["remedy"]) == ("failed", True, "disk_full", "make room")


def test_source_target_and_options_are_never_told_SEC9() -> None:
    request = Request(
        provider="postgres",
        application="billing",
        source='{"canary":1}',
        target='{"canary":2}',
        options='{"canary":3}',
        callback_url="http://canary/",
    )
    step = Step(name="copy", phase="replicating", kind="act", parameters='{"canary":4}')

    for event in (e.MigrationRequested(request=request), e.MigrationPlanned(plan=Plan(provider="postgres", steps=(step,)))):
        assert "canary" not in payload_of("n", ENVELOPE, event, "p")


def test_what_does_not_fit_is_left_out_and_named_R10() -> None:
    evidence: dict[str, Any] = {f"table_{number}": "x" * 100 for number in range(1_000)}
    steps = tuple(Step(name=f"step_{number}" * 5, phase="replicating", kind="act") for number in range(1_000))
    huge = Problem(code="c", category="migration", message="é" * 30_000)

    assert body_of(e.StepSucceeded(work_id="w", step=1, name="copy", evidence=evidence))["data"]["omitted"] == ["evidence"]
    assert body_of(e.MigrationPlanned(plan=Plan(provider="p", steps=steps)))["data"]["omitted"] == ["plan"]
    assert body_of(e.RollbackStuck(step=1, name="copy", problem=huge))["data"]["omitted"] == ["problem"]
