"""What migrator and verifier do with the state of a migration: which work is theirs, how it is carried out and reported."""

from typing import Any

from libs.contracts.migration.state import MigrationState
from libs.contracts.values import Problem
from libs.contracts.work import CHECK, STOPPED, ReportWork, Work
from libs.providers.base import Progress
from libs.providers.carrying_out import Carrier, failed

UNKNOWN = "unknown"


class MigrationExecutor:
    """Executor of one service for the aggregate migration."""

    def __init__(self, worker: str, carrier: Carrier) -> None:
        self._worker, self._carrier = worker, carrier

    def wanted(self, state: MigrationState) -> tuple[list[Work], list[Work]]:
        """Work to carry out, and work to stop because the migration is going back."""
        mine = [work for work in state.pending if work.worker == self._worker]
        if state.mode != "stopping":
            return mine, []
        looks = [work for work in mine if work.direction == CHECK and work.step in state.unsettled]
        return looks, [work for work in mine if work not in looks]

    async def execute(self, job: Any, progress: Progress) -> Any:
        """Carry out one work item and return its report; None when another system goes on with it."""
        return await self._carrier.carry_out(job.tenant, job.aggregate, job.state, job.work, progress)

    def stopped(self, job: Any) -> ReportWork:
        """Report for work that was stopped. Whether work elsewhere has stopped is unknown until it is looked at (D5)."""
        elsewhere = self._carrier.hands_over(job.state)
        return ReportWork(work_id=job.work.work_id, attempt=job.work.attempt, outcome=UNKNOWN if elsewhere else STOPPED)

    def overdue(self, job: Any) -> ReportWork:
        """Report for work elsewhere of which nothing was heard by its deadline."""
        work = job.work
        seconds = (work.deadline - work.not_before) / 1_000_000
        message = f"the system that was told of attempt {work.attempt} reported nothing within {seconds:.0f} s"
        remedy = "look whether that system runs, and whether its reports reach Whimbrel"
        problem = Problem(code="no_report", category="migration_execution", message=message, remedy=remedy)
        return failed(work, problem, retryable=True)

    def defective(self, job: Any, reason: str) -> ReportWork:
        """Report for work that no repetition brings to a usable end."""
        problem = Problem(code="unexpected", category="migration_execution", message=reason[:500])
        return failed(job.work, problem, retryable=False)
