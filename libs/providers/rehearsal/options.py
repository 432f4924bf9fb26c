"""What a rehearsal is asked to simulate."""

import tempfile
from os import environ
from pathlib import Path
from typing import Literal

import msgspec

from libs.contracts.values import Problem
from libs.providers.base import MoveRequest


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a rehearsal; every failure is a pure function of these, the work id and the attempt."""

    steps: int = 8
    """Number of steps of the plan, 1 to 1,000."""
    shape: Literal["acts", "mixed"] = "acts"
    """Acts only, or mixed: every third step a check and, with four steps or more, a wait for time before the last."""
    duration_ms: int = 0
    """How long each act, check and undo takes, in milliseconds; 0 does no sleep at all."""
    chunks: int = 0
    """Chunks of each act in the replicating phase; 0 leaves acts whole."""
    point_of_no_return: bool = False
    """Whether the last act is the point of no return."""
    fail_at: str | int = ""
    """Name or number (from 1) of the step that fails; empty or 0 for none."""
    fail_times: int = 1
    """How many attempts of that step fail before one succeeds."""
    fail_for_good: bool = False
    """Whether that failure is reported as not retryable."""
    fail_undo_at: str | int = ""
    """Name or number (from 1) of the step whose undo fails; empty or 0 for none."""
    fail_undo_times: int = 1
    """How many attempts of that undo fail before one succeeds."""
    failure_rate: float = 0.0
    """Share of attempts, 0 to 1, that fail with a retryable error, drawn from the seed, the work id and the attempt."""
    seed: int = 0
    """Seed of those draws."""
    effects: str = "none"
    """Directory in which effects are recorded (see `world`), or none."""


def parse(request: MoveRequest) -> Options:
    """Options of a request. Raises msgspec.ValidationError with the path of the value at fault."""
    return msgspec.convert(request.options, Options)


def effects_root() -> Path:
    """Directory below which effects may be recorded: WHIMBREL_REHEARSAL_ROOT, else the directory for temporary files."""
    return Path(environ.get("WHIMBREL_REHEARSAL_ROOT") or tempfile.gettempdir()).resolve()


def problems(request: MoveRequest) -> tuple[Problem, ...]:
    """Everything wrong with the options of a request."""
    try:
        options = parse(request)
    except msgspec.ValidationError as error:
        return (_problem(f"the options are not valid: {error}", "correct the option that the message names", "/options"),)
    found = [
        _problem(f"{name} is {value}, outside {low} to {high}", f"choose a value from {low} to {high}", f"/options/{name}")
        for name, value, low, high in _ranges(options)
        if not low <= value <= high
    ]
    if options.effects != "none" and not _allowed(options.effects):
        found.append(
            _problem(f"effects names no directory below {effects_root()}", "name an existing directory there, or none", "/options/effects")
        )
    return tuple(found)


def _ranges(options: Options) -> tuple[tuple[str, float, float, float], ...]:
    return (
        ("steps", options.steps, 1, 1_000),
        ("duration_ms", options.duration_ms, 0, 3_600_000),
        ("chunks", options.chunks, 0, 1_000_000),
        ("fail_times", options.fail_times, 0, 1_000_000),
        ("fail_undo_times", options.fail_undo_times, 0, 1_000_000),
        ("failure_rate", options.failure_rate, 0, 1),
    )


def _allowed(directory: str) -> bool:
    path = Path(directory)
    return path.is_absolute() and path.is_dir() and path.resolve().is_relative_to(effects_root())


def _problem(message: str, remedy: str, field: str) -> Problem:
    return Problem(code="invalid_option", category="validation", message=message, remedy=remedy, field=field)
