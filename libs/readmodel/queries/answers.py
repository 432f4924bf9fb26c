"""What the report of an attempt led to. Reports are no client's commands, so no index names them: one aggregate is read."""

from libs.contracts.migration.events import (
    AttemptFailed,
    ChunkSucceeded,
    RollbackStuck,
    StepCompensated,
    StepFailed,
    StepSucceeded,
    WorkSettled,
)
from libs.readmodel.facts import KINDS, Fact, stored_fact
from libs.readmodel.reading import Snapshot

_ANSWERS = (StepSucceeded, ChunkSucceeded, StepCompensated, AttemptFailed, StepFailed, RollbackStuck, WorkSettled)
_SQL = """SELECT e.kind, e.partition, e.pos, e.type, e.schema, e.record FROM event e
WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = $3 AND e.type = ANY($4) AND position($5::bytea IN e.record) > 0 ORDER BY e.pos LIMIT 5"""


async def of_attempt(snapshot: Snapshot, tenant: str, migration: str, command_id: str) -> Fact | None:
    """The event that says how an attempt ended, given the command id of its report; None when none does."""
    types = [model.__name__ for model in _ANSWERS]
    rows = await snapshot.connection.fetch(_SQL, KINDS["migration"], tenant, migration, types, command_id.encode())
    return next((fact for fact in map(stored_fact, rows) if fact.envelope.causation_id == command_id), None)


def outcome_of(fact: Fact) -> str:
    """succeeded, failed, or what is known of an item that had to come to rest: stopped or unknown, too."""
    body = fact.body
    if isinstance(body, WorkSettled):
        return body.outcome
    return "succeeded" if isinstance(body, StepSucceeded | ChunkSucceeded | StepCompensated) else "failed"
