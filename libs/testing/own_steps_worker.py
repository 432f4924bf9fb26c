"""Migrator or verifier of a trial: the real executor and provider, with the event loop for a clock."""

import asyncio
from typing import Any, Protocol

from libs.contracts.migration.commands import WakeMigration
from libs.contracts.migration.state import MigrationState
from libs.contracts.work import Work
from libs.providers.base import Provider
from libs.providers.carrying_out import Carrier
from libs.providers.executing import MigrationExecutor
from libs.runtime.executor import Job
from libs.testing.given_when_then import TENANT


class Decides(Protocol):
    """Where reports go."""

    def now(self) -> int:
        """Microseconds since the epoch."""

    def decide(self, body: Any, command_id: str) -> None:
        """Take a command."""


class TrialWorker:
    """Follows one migration as libs.runtime.worker follows all."""

    def __init__(self, name: str, provider: Provider, log: Decides) -> None:
        self._executor, self._log = MigrationExecutor(name, Carrier({provider.kind: lambda: provider})), log
        self._begun: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._wakes = name == "verifier"
        self._wake: asyncio.TimerHandle | None = None

    def follow(self, state: MigrationState, aggregate: str) -> None:
        """Begin what is new, call back what has to stop, forget the rest, set the alarm."""
        do, halt = self._executor.wanted(state)
        wanted = {(work.work_id, work.attempt): work for work in (*do, *halt)}
        for name in [name for name in self._begun if name not in wanted]:
            self._begun.pop(name).cancel()
        for name, work in wanted.items():
            job = Job(TENANT, aggregate, state, work)
            if work in halt:
                if name in self._begun:
                    self._begun[name].cancel()
                self._report(work, self._executor.stopped(job))
            elif name not in self._begun:
                self._begun[name] = asyncio.get_running_loop().create_task(self._carry_out(job))
        self._set_alarm(state, aggregate)

    async def _carry_out(self, job: Job) -> None:
        await asyncio.sleep((job.work.not_before - self._log.now()) / 1_000_000)
        report = await self._executor.execute(job, _unheard)
        if report is None:
            await asyncio.sleep((job.work.deadline - self._log.now()) / 1_000_000)
            report = self._executor.overdue(job)
        self._report(job.work, report)

    def _report(self, work: Work, report: Any) -> None:
        asyncio.get_running_loop().call_soon(self._log.decide, report, f"{work.work_id}#{work.attempt}")

    def _set_alarm(self, state: MigrationState, aggregate: str) -> None:
        if self._wake is not None:
            self._wake.cancel()
        if self._wakes and state.wake_at:
            delay = max(0.0, (state.wake_at - self._log.now()) / 1_000_000)
            command_id = f"{TENANT}/{aggregate}/wake/{state.wake_at}"
            wake = WakeMigration(wake_at=state.wake_at)
            self._wake = asyncio.get_running_loop().call_later(delay, self._log.decide, wake, command_id)


async def _unheard(done: int, total: int, unit: str) -> None:
    """Nobody listens to progress here."""
