"""The `postgres` provider: a live database, under write load, to another server by logical replication."""

from collections.abc import Awaitable, Callable
from types import ModuleType

from libs.contracts.migration.plan import ACT, Plan
from libs.contracts.values import Evidence
from libs.providers.base import Assignment, Inspection, MoveRequest, Progress, ProviderError
from libs.providers.postgres.inspecting import inspect
from libs.providers.postgres.move import Move
from libs.providers.postgres.planning import make_plan
from libs.providers.postgres.steps import (
    comparing,
    copy_schema,
    copy_sequences,
    copy_unreplicated,
    create_publication,
    create_slot,
    create_subscription,
    fence_source,
    finalise,
    following,
    record_fence,
    reverse_replication,
    switch_connection,
    warm_target,
)

ACTS: dict[str, ModuleType] = {
    "record_fence": record_fence,
    "copy_schema": copy_schema,
    "create_publication": create_publication,
    "create_slot": create_slot,
    "create_subscription": create_subscription,
    "warm_target": warm_target,
    "fence_source": fence_source,
    "copy_unreplicated": copy_unreplicated,
    "copy_sequences": copy_sequences,
    "reverse_replication": reverse_replication,
    "switch_connection": switch_connection,
    "finalise": finalise,
}
"""Modules of the acts, each with `apply`, `undo` and `applied`."""

CHECKS: dict[str, Callable[[Move], Awaitable[Evidence]]] = {
    "initial_copy": following.initial_copy,
    "lag_low": following.lag_low,
    "compare_tables": comparing.compare_tables,
    "lag_zero": following.lag_zero,
    "verify_equal": comparing.verify_equal,
}


class PostgresProvider:
    """Holds nothing between calls: what it must remember is in the two databases."""

    kind = "postgres"

    async def inspect(self, request: MoveRequest) -> Inspection:
        """Look at both databases, and report every prerequisite that is missing."""
        return await inspect(request)

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """Derive the plan from the facts."""
        return make_plan(request, inspection.facts)

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Do an act under the fence of the servers it touches."""
        evidence: Evidence = await _act(work).apply(Move(work, progress))
        return evidence

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """Look whether a check holds, or whether an act was done."""
        move = Move(work, progress)
        if work.step.kind == ACT:
            return {"applied": bool(await _act(work).applied(move))}
        if work.step.name not in CHECKS:
            raise _unknown(work)
        return await CHECKS[work.step.name](move)

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Undo an act from any half-done point, under the fence."""
        evidence: Evidence = await _act(work).undo(Move(work, progress))
        return evidence


def _act(work: Assignment) -> ModuleType:
    if work.step.name not in ACTS:
        raise _unknown(work)
    return ACTS[work.step.name]


def _unknown(work: Assignment) -> ProviderError:
    return ProviderError("unknown_step", f"this release has no step {work.step.name} of kind {work.step.kind}", retryable=False)
