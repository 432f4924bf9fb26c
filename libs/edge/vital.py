"""Parts that ingress is of no use without. When one ends, so does the process, and its supervisor starts a whole one (D10)."""

import asyncio
import os
from collections.abc import Coroutine
from functools import partial

import structlog

EXIT_CODE = 1
"""Exit status of an ingress that lost a part of itself."""
_log = structlog.get_logger()


def end_process(part: str, error: BaseException) -> None:
    """End at once, with one line that says why. May be called from any thread; nothing is drained, as in any crash."""
    _log.critical("ingress ends: a part of it has failed", part=part, error=f"{type(error).__name__}: {error}")
    os._exit(EXIT_CODE)


def vital(part: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """A task whose failure ends the process."""
    task = asyncio.create_task(work, name=part)
    task.add_done_callback(partial(_look, part))
    return task


def _look(part: str, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        end_process(part, error)
