"""The `aws_mgn` provider: a server to EC2 by AWS Application Migration Service."""

from collections.abc import Awaitable, Callable

from libs.contracts.migration.plan import ACT, Plan
from libs.contracts.values import Evidence
from libs.providers.aws_mgn import acting
from libs.providers.aws_mgn.acting import Act
from libs.providers.aws_mgn.connecting import Sdk
from libs.providers.aws_mgn.finding import Places
from libs.providers.aws_mgn.inspecting import inspect
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.planning import make_plan
from libs.providers.aws_mgn.steps import (
    configure_launch,
    end_test,
    finalise,
    following,
    hand_over_agent,
    launch_cutover,
    launch_test,
    mark_ready,
    snapshot_source,
    start_replication,
    stop_source,
    switch_dns,
    telling_factory,
    update_cmdb,
)
from libs.providers.base import Assignment, Inspection, MoveRequest, NotYet, Progress, ProviderError

HAND_OVER = "hand_over_agent"
"""The one act before there is a source server that could hold a fence."""

ACTS: dict[str, Act] = {
    "snapshot_source": Act(snapshot_source.do, snapshot_source.revert, snapshot_source.applied, outlives=True),
    "start_replication": Act(start_replication.do, start_replication.revert, start_replication.applied),
    "configure_launch": Act(configure_launch.do, configure_launch.revert, configure_launch.applied),
    "launch_test": Act(launch_test.do, launch_test.revert, launch_test.applied, outlives=True),
    "mark_ready": Act(mark_ready.do, mark_ready.revert, mark_ready.applied),
    "end_test": Act(end_test.do, end_test.revert, end_test.applied),
    "launch_cutover": Act(launch_cutover.do, launch_cutover.revert, launch_cutover.applied, outlives=True),
    "switch_dns": Act(switch_dns.do, switch_dns.revert, switch_dns.applied, outlives=True),
    "update_cmdb": Act(update_cmdb.do, update_cmdb.revert, update_cmdb.applied, outlives=True),
    "stop_source": Act(stop_source.do, stop_source.revert, stop_source.applied, outlives=True),
    "factory_started": Act(telling_factory.started, telling_factory.revert, telling_factory.was_started, outlives=True),
    "factory_finished": Act(telling_factory.finished, finalise.irreversible, telling_factory.was_finished, reversible=False),
    "finalise": Act(finalise.finalise, finalise.irreversible, finalise.finalised, reversible=False),
    "archive": Act(finalise.archive, finalise.irreversible, finalise.archived, reversible=False),
}

CHECKS: dict[str, Callable[[Move], Awaitable[Evidence]]] = {
    "agent_appeared": following.agent_appeared,
    "snapshot_completed": snapshot_source.snapshot_completed,
    "initial_sync": following.initial_sync,
    "lag_low": following.lag_low,
    "test_launched": following.test_launched,
    "test_healthy": following.test_healthy,
    "cutover_lag_low": following.cutover_lag_low,
    "cutover_launched": following.cutover_launched,
    "cutover_healthy": following.cutover_healthy,
}


class AwsMgnProvider:
    """Holds the SDK's session and where servers were last seen; what must not be lost is in the cloud."""

    kind = "aws_mgn"

    def __init__(self, sdk: Sdk | None = None) -> None:
        self._sdk, self._places = sdk or Sdk(), Places()

    async def close(self) -> None:
        """Close the connections that wait for the next verb."""
        await self._sdk.close()

    async def inspect(self, request: MoveRequest) -> Inspection:
        """Look at account, region and ports, and report every prerequisite that is missing."""
        return await inspect(self._sdk, self._places, request)

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """Derive the plan from the facts."""
        return make_plan(request, inspection.facts)

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Do an act; jobs are started here and watched by the checks that follow."""
        async with Move(work, progress, self._sdk, self._places) as move:
            if work.step.name == HAND_OVER:
                return await hand_over_agent.apply(move)
            return await acting.apply(move, _act(work))

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """Look whether a check holds, or whether an act was done."""
        async with Move(work, progress, self._sdk, self._places) as move:
            if work.step.kind != ACT:
                return await _looked(_check(work), move)
            if work.step.name == HAND_OVER:
                return await hand_over_agent.applied(move)
            return await acting.applied(move, _act(work))

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Undo an act from any half-done point."""
        async with Move(work, progress, self._sdk, self._places) as move:
            if work.step.name == HAND_OVER:
                return await hand_over_agent.undo(move)
            return await acting.undo(move, _act(work))


async def _looked(check: Callable[[Move], Awaitable[Evidence]], move: Move) -> Evidence:
    """Look once. A check may look for days, so a look that went wrong in passing is one that must be repeated, not a failed attempt."""
    try:
        return await check(move)
    except ProviderError as error:
        if not error.retryable or isinstance(error, NotYet):
            raise
        problem = error.problem
        raise NotYet(problem.code, problem.message, category=problem.category, remedy=problem.remedy) from None


def _act(work: Assignment) -> Act:
    if work.step.name not in ACTS:
        raise _unknown(work)
    return ACTS[work.step.name]


def _check(work: Assignment) -> Callable[[Move], Awaitable[Evidence]]:
    if work.step.name not in CHECKS:
        raise _unknown(work)
    return CHECKS[work.step.name]


def _unknown(work: Assignment) -> ProviderError:
    return ProviderError("unknown_step", f"this release has no step {work.step.name} of kind {work.step.kind}", retryable=False)
