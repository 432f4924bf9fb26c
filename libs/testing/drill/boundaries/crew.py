"""Migrator and verifier in a bottle: they carry out what states ask for by the real provider, and die at any call."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from libs.contracts.work import MIGRATOR, VERIFIER, Work
from libs.providers.aws_mgn.provider import AwsMgnProvider
from libs.providers.carrying_out import Carrier
from libs.providers.executing import MigrationExecutor
from libs.runtime.executor import Job
from libs.testing.drill.boundaries.bottle import TENANT, Bottle
from libs.testing.drill.boundaries.reach import REACH, VERB, Crashed, DirectSdk, Reach, Verb
from libs.testing.provider_driver import no_progress

Allowance = Callable[[str], int | None]


def any_number(_: str) -> int | None:
    """No process dies."""
    return None


class Round(NamedTuple):
    """What one round came to: the work items, as the migration of each and how many calls it made."""

    items: tuple[tuple[str, int], ...]

    @property
    def calls(self) -> int:
        """The most calls that one of them made."""
        return max((made for _, made in self.items), default=0)


class Crew:
    """The workers of one life of their processes. What they remember dies with them: make another."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        carrier = Carrier({"aws_mgn": lambda: AwsMgnProvider(DirectSdk(reach))})
        self._executors = {name: MigrationExecutor(name, carrier) for name in (MIGRATOR, VERIFIER)}

    async def work(
        self, bottle: Bottle, *, calls: Allowance = any_number, only: Callable[[str], bool] = lambda _: True, silent: bool = True
    ) -> Round:
        """Carry out everything that is due, all at once.

        `calls` says after how many calls the process dies for a migration; an item that ends with its last call is not reported
        any more if `silent`. Migrations that are not `only` wait.
        """
        found = [(job, executor) for job, executor in self._due(bottle) if only(job.aggregate)]
        REACH.set(self._reach)
        done = await asyncio.gather(*(_carry_out(job, executor, calls(job.aggregate), silent) for job, executor in found))
        for (job, _), (report, _) in zip(found, done, strict=True):
            if report is not None:
                _report(bottle, job, report)
        return Round(tuple((job.aggregate, made) for (job, _), (_, made) in zip(found, done, strict=True)))

    def halt(self, bottle: Bottle) -> int:
        """Report what was stopped because its migration goes back; returns how much that was."""
        halted = 0
        for aggregate, state in bottle.of("migration"):
            for executor in self._executors.values():
                for work in executor.wanted(state)[1]:
                    job = Job(TENANT, aggregate, state, work)
                    _report(bottle, job, executor.stopped(job))
                    halted += 1
        return halted

    def _due(self, bottle: Bottle) -> list[tuple[Job, MigrationExecutor]]:
        return [
            (Job(TENANT, aggregate, state, work), executor)
            for aggregate, state in bottle.of("migration")
            for executor in self._executors.values()
            for work in executor.wanted(state)[0]
            if work.not_before <= bottle.now
        ]


def _report(bottle: Bottle, job: Job, body: Any) -> None:
    work: Work = job.work
    command_id = f"{work.work_id}#{work.attempt}"
    bottle.tell("migration", job.aggregate, body, command_id=command_id, actor=f"service:{work.worker}")


async def _carry_out(job: Job, executor: MigrationExecutor, most: int | None, silent: bool) -> tuple[Any, int]:
    """The report, None when the process died before it, and how many calls were made."""
    verb = Verb(most)
    VERB.set(verb)
    report = None
    with suppress(Crashed):
        report = await executor.execute(job, no_progress)
    return (None if silent and verb.made == most else report), verb.made
