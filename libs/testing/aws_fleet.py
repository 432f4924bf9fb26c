"""Many servers in one stand-in cloud, each carried out as a worker would: retries with rising fences, checks repeated."""

import asyncio

from libs.contracts.migration.plan import ACT, CHECK, Step
from libs.providers.base import MoveRequest, Provider, ProviderError
from libs.testing.aws_move import AwsMove, request_for
from libs.testing.cloud.furniture import furnish
from libs.testing.provider_driver import Driver, no_progress

ATTEMPTS = 40
PAUSE_S = 0.02


class Machine:
    """One of many."""

    secrets: tuple[str, ...] = ()

    def __init__(self, provider: Provider, request: MoveRequest) -> None:
        self.provider, self.request = provider, request

    @property
    def name(self) -> str:
        """How the cloud calls the migration."""
        return f"{self.request.tenant}/{self.request.migration}"

    async def snapshot(self) -> None:
        """Nobody compares one of many."""

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        """None."""
        return ()


def fleet(move: AwsMove, count: int) -> list[Machine]:
    """So many machines more, in the cloud and with the provider of a move; machines of one fleet share a wave."""
    made = furnish(move.world, count, wave="7")
    return [
        Machine(move.provider, request_for(machine, move.url, move.cloud.app_port, f"fleet-{number}"))
        for number, machine in enumerate(made, 1)
    ]


async def planned(machine: Machine) -> Driver:
    """A driver for a machine's plan, through bad luck."""
    for _ in range(ATTEMPTS):
        try:
            return await Driver.planned(machine)
        except ProviderError as error:
            if not error.retryable:
                raise
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("no plan")


async def carry_out(driver: Driver, step: Step) -> None:
    """Do one step; a retryable failure is tried again under the same work id and a higher fence."""
    if step.kind == CHECK:
        await _again(driver, step, "check")
    elif step.kind == ACT:
        await _again(driver, step, "apply")


async def take_back(driver: Driver, steps: list[Step]) -> None:
    """Undo acts in reverse."""
    for step in reversed(steps):
        if step.kind == ACT:
            await _again(driver, step, "undo")
            driver.rounds[step.name] = driver.rounds.get(step.name, 1) + 1


async def _again(driver: Driver, step: Step, direction: str) -> None:
    provider = driver.harness.provider
    verb = {"apply": provider.apply, "check": provider.check, "undo": provider.undo}[direction]
    for attempt in range(1, ATTEMPTS * (10 if direction == "check" else 1) + 1):
        try:
            driver.evidence[step.name] = await verb(driver.work(step, direction, attempt=attempt), no_progress)
        except ProviderError as error:
            if not error.retryable:
                raise
            last = error
        else:
            return
        await asyncio.sleep(PAUSE_S)
    raise last
