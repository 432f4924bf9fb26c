"""From a migration that rehearses another's way back to that other: whether it could be undone."""

from collections.abc import Sequence
from typing import Any

from libs.contracts.avro import decode_value
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration import events as e
from libs.contracts.migration.plan import ACT
from libs.contracts.migration.request import Request
from libs.contracts.migration.state import MigrationState
from libs.contracts.migration.way_back import NoteWayBack
from libs.domain.migration.evolving import plan_from
from libs.domain.policy import To


def gone_back(event: Any, envelope: EventEnvelope, state: MigrationState) -> Sequence[To]:
    """It was undone, or could not be. One that had done nothing yet proves nothing, and is not told."""
    request = decode_value(Request, state.request)
    if not request.rehearses or not state.plan:
        return []
    steps = plan_from(state.plan).steps
    reached = steps[min(state.step, len(steps) - 1)]
    # The current step may not have been dispatched; those before it were.
    if not any(step.kind == ACT and step.compensation for step in steps[: state.step]):
        return []
    passed, how = _how(event)
    reason = f"{envelope.aggregate} went back from {reached.name}: {how}"
    note = NoteWayBack(passed=passed, at=envelope.recorded_at, by=envelope.aggregate, provider=request.provider, reason=reason)
    return [To("migration", request.rehearses, note)]


def _how(event: Any) -> tuple[bool, str]:
    if isinstance(event, e.RollbackStuck):
        return False, f"undoing {event.name} failed for good ({event.problem.message})"
    if event.skipped:
        return False, f"{event.skipped} compensations were skipped"
    return True, "everything was undone"
