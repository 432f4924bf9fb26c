"""Work that an aggregate waits for, as its state names it and a worker carries it out."""

import msgspec

from libs.contracts.values import Evidence, Problem

APPLY, UNDO, CHECK, PLAN, TELL = "apply", "undo", "check", "plan", "tell"
SUCCEEDED, FAILED, STOPPED = "succeeded", "failed", "stopped"
MIGRATOR, VERIFIER, NOTIFIER = "migrator", "verifier", "notifier"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a worker must do now, or once `not_before` has come."""

    work_id: str
    """tenant/aggregate/step/chunk/direction/round; retries keep it, so the outside world can use it as idempotency key."""
    worker: str
    """Service that carries it out: migrator, verifier or notifier."""
    step: int
    """Index of the step in the plan; -1 when the work belongs to no step."""
    chunk: str
    """Chunk index in decimal digits; - when the work is not chunked."""
    direction: str
    """apply, undo, check, plan or tell."""
    round: int
    """Rises only after the undo of the step was confirmed."""
    fence: int
    """Rises with every dispatch of the aggregate; a system touched refuses lower ones."""
    attempt: int
    """Counts tries of this work id from 1; for back-off and for dropping stale reports."""
    not_before: int
    """Earliest start, in microseconds since the epoch."""
    deadline: int
    """When the attempt counts as unknown if nothing was reported, in microseconds since the epoch."""


class ReportWork(msgspec.Struct, frozen=True, kw_only=True):
    """A worker reports how a work item ended."""

    work_id: str
    """Work item that this answers."""
    attempt: int
    """Attempt that this answers; a report of another attempt than the pending one is stale."""
    outcome: str
    """succeeded, failed, stopped, or unknown for work that was called back from another system."""
    evidence: Evidence = {}
    """What was found or done, as names and plain values."""
    problem: Problem | None = None
    """Why it failed; null unless the outcome is failed."""
    retryable: bool = True
    """For a failure: whether the same work may succeed later."""


def work_id_of(tenant: str, aggregate: str, step: str, chunk: str, direction: str, round_: int) -> str:
    """Name of a work item towards the outside world. The format is an idempotency key: never change it."""
    return f"{tenant}/{aggregate}/{step}/{chunk}/{direction}/{round_}"
