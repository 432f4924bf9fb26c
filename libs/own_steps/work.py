"""One attempt at one work item, as a step sees it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from libs.providers.external.message import WorkData

Progress = Callable[[int, int, str], Awaitable[None]]


async def unheard(done: int, total: int, unit: str) -> None:
    """Progress that nobody listens to."""


class Work(NamedTuple):
    """What is asked of a step."""

    data: WorkData
    tell: Progress = unheard

    @property
    def id(self) -> str:
        """Idempotency key: the same in every repeat and attempt, another one once the step was undone."""
        return self.data.work_id

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the step."""
        return self.data.parameters

    @property
    def source(self) -> dict[str, Any]:
        """Where the thing is that moves."""
        return self.data.source

    @property
    def target(self) -> dict[str, Any]:
        """Where it shall be."""
        return self.data.target

    @property
    def chunk(self) -> int:
        """Index of the chunk; -1 for the whole step."""
        return int(self.data.chunk) if self.data.chunk != "-" else -1

    async def progress(self, done: int, total: int = 0, unit: str = "percent") -> None:
        """Tell how far it is; nothing is decided by it."""
        await self.tell(done, total, unit)
