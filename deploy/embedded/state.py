"""The state file: what the supervisor runs, for everyone else to read."""

import signal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.embedded.host import write_atomically
from deploy.embedded.processes import is_same
from deploy.embedded.settings import StackSettings

STATE_FILE = "state.json"


class ComponentState(BaseModel):
    """One component. `began` is the start of its process in seconds since the epoch; no pid means: not running now."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int | None
    began: float | None
    port: int | None
    restarts: int
    started: bool
    stop_signal: signal.Signals
    log: Path

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.pid is not None and self.began is not None and is_same(self.pid, self.began)


class StackState(BaseModel):
    """The whole stack. `ready` once everything was healthy; `problem` is why the supervisor gave up."""

    model_config = ConfigDict(frozen=True)

    pid: int
    began: float
    settings: StackSettings
    urls: dict[str, str]
    components: list[ComponentState]
    ready: bool = False
    problem: str | None = None
    exit_code: int = 0

    @property
    def alive(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return is_same(self.pid, self.began)


def read_state(data_dir: Path) -> StackState | None:
    """The last state written in this data directory; None when there is none (or only one of an older form)."""
    try:
        return StackState.model_validate_json((data_dir / STATE_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write_state(data_dir: Path, state: StackState) -> None:
    """Replace the state file in one step."""
    write_atomically(data_dir / STATE_FILE, state.model_dump_json(indent=1))
