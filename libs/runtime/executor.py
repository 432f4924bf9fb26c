"""What the worker loop asks of a service, and what it hands to it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from libs.contracts.work import Work

Progress = Callable[[int, int, str], Awaitable[None]]


class Sender(NamedTuple):
    """Of which aggregate a command is sent, and what it carries on."""

    tenant: str
    aggregate: str
    correlation_id: str
    traceparent: bytes


class Job(NamedTuple):
    """One work item with the state that names it."""

    tenant: str
    aggregate: str
    state: Any
    work: Work
    traceparent: bytes = b""


class Executor(Protocol):
    """What a service does with work. Reports are bodies of commands to the aggregate."""

    def wanted(self, state: Any) -> tuple[list[Work], list[Work]]:
        """Work of this worker to carry out, and work to stop and report as stopped."""

    async def execute(self, job: Job, progress: Progress) -> Any:
        """Carry out a work item and return its report; None when it goes on elsewhere, where it is reported or becomes `overdue`.
        Never raises for a failure of the work itself; may be cancelled."""

    def stopped(self, job: Job) -> Any:
        """Report for work that was stopped, or never begun."""

    def overdue(self, job: Job) -> Any:
        """Report for work that goes on elsewhere and was not reported from there by its deadline."""

    def defective(self, job: Job, reason: str) -> Any:
        """Report, small and plain, for work that ends with a defect again and again, or whose own report cannot be written."""
