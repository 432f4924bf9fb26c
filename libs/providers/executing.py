"""What migrator and verifier do with the state of a migration: which work is theirs, how it is carried out and reported."""

from typing import Any

from libs.contracts.migration.commands import WakeMigration
from libs.contracts.migration.state import MigrationState
from libs.contracts.work import CHECK, STOPPED, ReportWork, Work
from libs.providers.base import Progress
from libs.providers.carrying_out import Carrier


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
        """Carry out one work item and return its report."""
        return await self._carrier.carry_out(job.tenant, job.aggregate, job.state, job.work, progress)

    def stopped(self, work: Work) -> ReportWork:
        """Report for work that was stopped."""
        return ReportWork(work_id=work.work_id, attempt=work.attempt, outcome=STOPPED)

    def wake(self, wake_at: int) -> WakeMigration:
        """Command for a migration whose time has come."""
        return WakeMigration(wake_at=wake_at)
