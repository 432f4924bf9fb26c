"""A log as lines for people."""

from collections.abc import Iterator
from typing import Any

from libs.contracts.migration import events as e
from libs.contracts.work import Work
from libs.testing.simulator.log import Log


def lines(log: Log) -> Iterator[str]:
    """One line an event: time in seconds, migration, version, what happened, what it answers."""
    first = log.entries[0].envelope.recorded_at if log.entries else 0
    for envelope, body in log.entries:
        seconds = (envelope.recorded_at - first) / 1_000_000
        yield f"{seconds:10.3f} {envelope.aggregate} v{envelope.version:<4} {_said(body)}  <- {envelope.causation_id}"


def _said(body: Any) -> str:
    name = type(body).__name__
    if isinstance(body, e.WorkDispatched):
        return f"{name} {_work(body.work)}"
    if isinstance(body, e.AttemptFailed):
        return f"{name} {_work(body.retry)}"
    details = [
        str(getattr(body, field)) for field in ("name", "intent", "code", "step", "outcome", "steps", "round") if hasattr(body, field)
    ]
    return " ".join([name, *details])


def _work(work: Work) -> str:
    return f"{work.work_id}#{work.attempt} fence {work.fence}"
