"""The plan of a migration: ordered steps, each with its compensation. Made by a provider, frozen by the decider."""

import msgspec

from libs.contracts.migration.approvals import ApprovalTerms

ACT, CHECK, WAIT = "act", "check", "wait"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan: an act changes the world, a check looks at it, a wait lets time or a person decide."""

    name: str
    """Name of the step, unique within its plan, in lower snake case; the provider dispatches on it."""
    phase: str
    """Label shown as the status of a migration that is at this step: preparing, replicating, testing, cutting_over or finalising."""
    kind: str
    """One of act, check or wait."""
    title: str = ""
    """What the step does, in one sentence for people."""
    parameters: str = ""
    """What the provider needs for this step, as a JSON object; empty for nothing. Never holds a secret."""
    compensation: str = ""
    """What undoing the step does, in one sentence for people; empty when there is nothing to undo."""
    point_of_no_return: bool = False
    """True when dispatching this act makes rollback impossible."""
    attempts: int = 5
    """How often the step is tried in all before it has failed."""
    timeout_ms: int = 300_000
    """Milliseconds one attempt may take."""
    backoff_ms: int = 500
    """Milliseconds before the second attempt; doubles with each further one, with jitter, up to a minute."""
    chunks: int = 0
    """Number of chunks that the step is divided into; 0 when it is done in one piece."""
    window: int = 1
    """How many chunks may be in flight at once."""
    wait_for: str = ""
    """For a wait: time or approval; empty otherwise."""
    wait_ms: int = 0
    """For a wait for time, its length in milliseconds; for a wait for approval, when the request for it expires (0: never)."""
    estimate_ms: int = 0
    """How long the step is expected to take, in milliseconds; 0 when unknown."""
    approval: ApprovalTerms | None = None
    """For a wait for approval: what it takes to pass; null when anybody who may answer approvals can let it pass."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a migration will do, in order, and what it will leave behind."""

    provider: str
    """Kind of the provider that made the plan and carries it out."""
    steps: tuple[Step, ...]
    """The steps, in the order in which they run."""
    summary: str = ""
    """What moves from where to where, in one sentence."""
    notes: tuple[str, ...] = ()
    """What the plan does not move or cannot promise, one sentence each."""
