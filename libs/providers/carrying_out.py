"""A work item of a migration handed to its provider: the assignment made, time limited, every outcome turned into a report."""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from libs.contracts.avro import decode_value
from libs.contracts.migration.commands import ReportPlan
from libs.contracts.migration.plan import Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.migration.state import MigrationState
from libs.contracts.values import Evidence, Problem
from libs.contracts.work import APPLY, FAILED, PLAN, SUCCEEDED, UNDO, ReportWork, Work
from libs.providers.approval_gates import with_gates
from libs.providers.base import Assignment, Closing, HandedOver, MoveRequest, NotYet, Progress, Provider, ProviderError, Remote
from libs.providers.time_limit import within

FIRST_LOOK_S, SLOWEST_LOOK_S = 0.2, 5.0
NO_PLAN = Plan(provider="", steps=())

decoded_plan = lru_cache(maxsize=16_384)(lambda encoded: decode_value(Plan, encoded))
decoded_request = lru_cache(maxsize=16_384)(lambda encoded: decode_value(Request, encoded))


class Unknown(ProviderError):
    """There is no provider of that kind."""

    def __init__(self, kind: str, known: Mapping[str, Any]) -> None:
        message = f"there is no provider {kind}; there are: {', '.join(sorted(known))}"
        super().__init__("unknown_provider", message, category="validation", retryable=False)


class Carrier:
    """Carries out the work of migrations by providers, each made once from the catalogue."""

    def __init__(self, catalogue: Mapping[str, Callable[[], Provider]]) -> None:
        self._catalogue = catalogue
        self._made: dict[str, Provider] = {}

    def provider(self, kind: str) -> Provider:
        """The provider of a kind. Raises Unknown."""
        if kind not in self._made:
            if kind not in self._catalogue:
                raise Unknown(kind, self._catalogue)
            self._made[kind] = self._catalogue[kind]()
        return self._made[kind]

    async def close(self) -> None:
        """Close what providers keep open from verb to verb."""
        for provider in self._made.values():
            if isinstance(provider, Closing):
                await provider.close()

    def hands_over(self, state: MigrationState) -> bool:
        """Whether the work of this migration goes on in another system once that was told."""
        kind = decoded_plan(state.plan).provider if state.plan else ""
        return kind in self._catalogue and isinstance(self.provider(kind), Remote)

    async def carry_out(
        self, tenant: str, aggregate: str, state: MigrationState, work: Work, progress: Progress
    ) -> ReportWork | ReportPlan | None:
        """Do it and report: success with evidence, failure with the problem and whether it may pass, or None: another system reports."""
        seconds = max(0.001, (work.deadline - work.not_before) / 1_000_000)
        try:
            request = move_request(tenant, aggregate, decoded_request(state.request))
            provider = self.provider(request.provider)
            if work.direction == PLAN:
                return await within(seconds, _plan(provider, request, decoded_request(state.request), work))
            step = decoded_plan(state.plan).steps[work.step]
            evidence = await _evidence(seconds, provider, assignment(request, step, work), progress)
            return ReportWork(work_id=work.work_id, attempt=work.attempt, outcome=SUCCEEDED, evidence=evidence)
        except HandedOver:
            return None
        except ProviderError as error:
            return failed(work, error.problem, retryable=error.retryable)
        except TimeoutError:
            message = f"the attempt took longer than {seconds:.0f} s"
            return failed(work, Problem(code="timeout", category="migration_execution", message=message), retryable=True)
        except Exception as error:  # a defect of a provider must not stop the others' work
            message = f"{type(error).__name__}: {error}"
            return failed(work, Problem(code="unexpected", category="migration_execution", message=message[:500]), retryable=True)


def failed(work: Work, problem: Problem, *, retryable: bool) -> ReportWork:
    """Report of an attempt that failed."""
    return ReportWork(work_id=work.work_id, attempt=work.attempt, outcome=FAILED, problem=problem, retryable=retryable)


@lru_cache(maxsize=16_384)
def _objects(source: str, target: str, options: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    decode = msgspec.json.decode
    return decode(source), decode(target), decode(options or "{}")


def move_request(tenant: str, aggregate: str, request: Request) -> MoveRequest:
    """The request as providers see it."""
    source, target, options = _objects(request.source, request.target, request.options)
    return MoveRequest(tenant=tenant, migration=aggregate, provider=request.provider, source=source, target=target, options=options)


def assignment(request: MoveRequest, step: Step, work: Work) -> Assignment:
    """The work item as providers see it."""
    return Assignment(
        work_id=work.work_id, fence=work.fence, attempt=work.attempt, chunk=work.chunk, step=step, request=request, deadline=work.deadline
    )


async def _plan(provider: Provider, request: MoveRequest, asked: Request, work: Work) -> ReportPlan:
    inspection = await provider.inspect(request)
    plan, problems = NO_PLAN, inspection.problems
    if not problems:
        plan, problems = with_gates(provider.plan(request, inspection), asked.approval, asked.approvals)
    return ReportPlan(work_id=work.work_id, attempt=work.attempt, plan=NO_PLAN if problems else plan, problems=problems)


async def _evidence(seconds: float, provider: Provider, work: Assignment, progress: Progress) -> Evidence:
    direction = work.work_id.split("/")[-2]
    if direction == APPLY:
        return await within(seconds, provider.apply(work, progress))
    if direction == UNDO:
        return await within(seconds, provider.undo(work, progress))
    return await _look_until(seconds, provider, work, progress)


async def _look_until(seconds: float, provider: Provider, work: Assignment, progress: Progress) -> Evidence:
    """Look again and again, ever more slowly, until the condition holds; in the end report why it does not."""
    pause, last = FIRST_LOOK_S, None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await provider.check(work, progress)
                except NotYet as error:
                    last = error
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, SLOWEST_LOOK_S)
    except TimeoutError:
        if last is not None:
            raise last from None
        raise
