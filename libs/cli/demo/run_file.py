"""How far the demonstration is, in a file of the data directory, so that the next start goes on where this one was stopped."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from deploy.embedded.host import write_atomically

BUILDING, MOVING, BREAKING, DONE = "building", "moving", "breaking", "done"


class Run(BaseModel):
    """One run. `writes_before` counts the acknowledged writes at the time that the move was asked for."""

    number: int = 1
    stage: str = BUILDING
    rows: int = 0
    writes_before: int | None = None
    writes_during: int = 0
    writes_per_second: float = 0
    lost: int = 0
    checksums_equal: bool = False
    pause_ms: int = 0

    @property
    def database(self) -> str:
        """Name of the database that is moved."""
        return f"shop_{self.number}"

    @property
    def second(self) -> str:
        """Name of the database whose move fails."""
        return f"outlet_{self.number}"


def load(path: Path) -> Run:
    """The run to go on with: the last one unless it is done, else the next."""
    try:
        found = Run.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Run()
    return found if found.stage != DONE else Run(number=found.number + 1)


def save(path: Path, run: Run) -> None:
    """Remember it."""
    write_atomically(path, run.model_dump_json())
