"""What a provider is: five verbs that move one kind of thing, the same for every kind.

Differences between providers are data (plans, parameters, evidence), never further verbs. Every provider passes
`libs.testing.provider_suite`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

import msgspec

from libs.contracts.migration.plan import Plan, Step
from libs.contracts.values import Evidence, Problem

Progress = Callable[[int, int, str], Awaitable[None]]
"""Tells how far a work item is: done, total (0 when unknown) and the unit counted, e.g. rows. Throttled by the worker."""


class MoveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be moved, as the requester asked for it."""

    tenant: str
    migration: str
    """Aggregate id of the migration, unique within its tenant."""
    provider: str
    source: dict[str, Any]
    target: dict[str, Any]
    options: dict[str, Any] = {}


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What `inspect` found: facts for the plan, and every problem that forbids it (all at once, O3)."""

    facts: dict[str, Any]
    problems: tuple[Problem, ...] = ()


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One work item as a provider sees it."""

    work_id: str
    """tenant/aggregate/step/chunk/direction/round: the idempotency key towards the outside world; retries keep it."""
    fence: int
    """Rises with every dispatch of this migration, undo included. Store the highest seen in the system touched and refuse lower ones there.
    Chunks of one step are in flight together and do not fence each other."""
    attempt: int
    chunk: str
    """Chunk index as decimal digits, or '-' when the step is not chunked."""
    step: Step
    request: MoveRequest
    deadline: int
    """When this attempt is given up, in microseconds since the epoch."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The step's parameters, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.step.parameters or "{}")
        return decoded


class ProviderError(Exception):
    """A verb could not do its work. `retryable` says whether the same work may succeed later."""

    def __init__(self, code: str, message: str, *, category: str = "migration_execution", retryable: bool = True, remedy: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.problem = Problem(code=code, category=category, message=message, remedy=remedy)
        self.retryable = retryable


class NotYet(ProviderError):
    """A check's condition does not hold yet; the worker looks again after a pause until the deadline, then reports this as the failure."""


class Fenced(ProviderError):
    """The system touched has seen a higher fence of this migration: this executor is a zombie and must change nothing."""

    def __init__(self, seen: int, fence: int) -> None:
        super().__init__("fenced", f"fence {fence} is older than {seen}, which the system touched has already seen", retryable=False)


class HandedOver(Exception):
    """Another system was told of the work and goes on with it: its report comes from there, or the attempt is given up at its deadline."""


class Provider(Protocol):
    """One kind of thing that can be moved. Implementations hold no state between calls that a crash may not lose."""

    kind: str

    async def inspect(self, request: MoveRequest) -> Inspection:
        """Look at source and target without changing them. Raises ProviderError when they cannot be reached."""

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """Pure: derive the plan from facts. Called only when the inspection found no problem."""

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Do an act, or find it done by the same work id. Idempotent; may be cancelled at any await."""

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """Look whether a check's condition holds (NotYet if it does not), or, for an act, how far it got (evidence `applied`: true or false)."""

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Undo an act from any half-done point, or find nothing to undo. Idempotent."""


@runtime_checkable
class Closing(Protocol):
    """What a provider also is that keeps connections from verb to verb."""

    async def close(self) -> None:
        """Close them; a verb that follows makes new ones."""


@runtime_checkable
class Remote(Protocol):
    """What a provider also is whose verbs raise HandedOver: whether its work has stopped only the system told can know."""

    hands_over: bool
