"""The rehearsal world: what a simulated machine had done to it, one append-only file per migration.

A line is one JSON object. The file is at once the record of effects, which a checker reads afterwards, and the place
where the highest fence is kept: both are read and extended under one lock on that file, so a zombie cannot slip in.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from libs.providers.base import Assignment, Fenced


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the world."""

    work_id: str
    fence: int
    direction: str
    """apply or undo."""
    step: str
    chunk: str
    attempt: int
    changed: bool
    """False when there was nothing left to do and the line only records a higher fence."""
    pid: int
    time: int
    """Nanoseconds of the machine's monotonic clock: comparable between processes of one machine, and with nothing else."""


_decoder = msgspec.json.Decoder(Effect)


def read(directory: Path) -> list[Effect]:
    """Every effect recorded below a directory, in the order of its machine's clock."""
    effects = [effect for path in directory.glob("*.jsonl") for effect in _decoder.decode_lines(path.read_bytes())]
    return sorted(effects, key=lambda effect: effect.time)


def record(directory: Path, work: Assignment, direction: str) -> bool:
    """Do or undo the effect of a work item once, and say whether this call did it. Raises Fenced for a zombie."""
    with _locked(_path(directory, work)) as (handle, effects):
        seen = max((effect.fence for effect in effects if not _beside(effect, work, direction)), default=0)
        if seen > work.fence:
            raise Fenced(seen, work.fence)
        applied = _applied(effects, work)
        changed = (direction == "apply") != applied
        if changed or work.fence > seen:
            os.write(handle, msgspec.json.encode(_effect(work, direction, changed)) + b"\n")
        return changed


def applied(directory: Path, work: Assignment) -> bool:
    """Whether the effect of a work item's step and chunk stands."""
    path = _path(directory, work)
    return path.exists() and _applied(_decoder.decode_lines(path.read_bytes()), work)


def _beside(effect: Effect, work: Assignment, direction: str) -> bool:
    """Whether an effect is that of another chunk in flight with this one: those do not fence each other."""
    return (effect.step, effect.direction) == (work.step.name, direction) and effect.chunk != work.chunk


def _applied(effects: list[Effect], work: Assignment) -> bool:
    """A chunked step is undone, and looked at, as a whole under the chunk "-"."""
    standing: set[str] = set()
    for effect in effects:
        if effect.changed and effect.step == work.step.name:
            if effect.direction == "apply":
                standing.add(effect.chunk)
            elif effect.chunk == "-":
                standing.clear()
            else:
                standing.discard(effect.chunk)
    return bool(standing) if work.chunk == "-" else work.chunk in standing


def _effect(work: Assignment, direction: str, changed: bool) -> Effect:
    return Effect(
        work_id=work.work_id,
        fence=work.fence,
        direction=direction,
        step=work.step.name,
        chunk=work.chunk,
        attempt=work.attempt,
        changed=changed,
        pid=os.getpid(),
        time=time.monotonic_ns(),
    )


def _path(directory: Path, work: Assignment) -> Path:
    name = f"{work.request.tenant}/{work.request.migration}"
    return directory / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.jsonl"


@contextmanager
def _locked(path: Path) -> Iterator[tuple[int, list[Effect]]]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle, _decoder.decode_lines(path.read_bytes())
    finally:
        os.close(handle)
