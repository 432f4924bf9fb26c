"""What the supervisor runs: one interface for servers and services."""

from abc import ABC, abstractmethod
from pathlib import Path

from deploy.embedded.processes import Launch


class Component(ABC):
    """One supervised process: how to start it, where it logs, and how to tell that it serves."""

    name: str
    port: int | None = None
    log: Path
    start_attempts: int = 1
    """How often it may end before it was healthy for the first time until the start of the stack fails."""
    needs: tuple[str, ...] = ()
    """Names of components that must be healthy before this one is started for the first time."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what must exist before a start; nothing when it exists. May block for seconds the first time."""

    @abstractmethod
    def launch(self) -> Launch:
        """How to start the process."""

    @abstractmethod
    def healthy(self, uptime: float) -> bool:
        """Whether it answers one real request, `uptime` seconds after its start. Takes at most a few seconds."""
