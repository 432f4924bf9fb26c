"""The supervisor: one process per data directory that keeps its stack running until it is told to stop."""

import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

from deploy.embedded.errors import EnvironmentProblem, StackError
from deploy.embedded.host import disk_errors_named, locked, open_data_dir
from deploy.embedded.processes import end_all, started_at
from deploy.embedded.settings import StackSettings
from deploy.embedded.stack import GRACE_SECONDS, Stack
from deploy.embedded.state import StackState, read_state, write_state

_TICK = 0.03


class Supervisor:
    """Runs a stack, restarts what ends, and publishes the state file."""

    def __init__(self, data_dir: Path, settings: StackSettings) -> None:
        self._data_dir = data_dir.resolve()
        self._stack = Stack(self._data_dir, settings, say=self._progress)
        self._began = started_at(os.getpid()) or 0.0
        self._stopping = False
        self._ready = False

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises StackError when the stack cannot be started or is already running."""
        open_data_dir(self._data_dir)
        with disk_errors_named(self._data_dir), ExitStack() as held:
            try:
                held.enter_context(locked(self._data_dir / "lock", wait=False))
            except BlockingIOError:
                raise EnvironmentProblem(f"a stack is already running in {self._data_dir}: stop it first with whimbrel down") from None
            self._run_alone()

    def _run_alone(self) -> None:
        self._end_leftovers()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._publish()
        try:
            self._stack.start()
            self._ready = True
            self._publish()
            self._tend()
        except _Stopped:
            pass
        except StackError as problem:
            self._publish(problem)
            raise
        finally:
            self._stack.stop(GRACE_SECONDS)
        self._publish()

    def _tend(self) -> None:
        stale = False
        while not self._stopping:
            stale = self._stack.tend() or stale
            if stale:
                with suppress(OSError):  # a full disk delays the state file and must not end what still works
                    self._publish()
                    stale = False
            time.sleep(_TICK)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        first, self._stopping = not self._stopping, True
        if first and not self._ready:
            raise _Stopped

    def _progress(self, line: str) -> None:
        print(line, flush=True)
        self._publish()

    def _publish(self, problem: StackError | None = None) -> None:
        write_state(
            self._data_dir,
            StackState(
                pid=os.getpid(),
                began=self._began,
                settings=self._stack.settings,
                urls=self._stack.urls,
                components=self._stack.status(),
                ready=self._ready,
                problem=str(problem) if problem else None,
                exit_code=problem.exit_code if problem else 0,
            ),
        )

    def _end_leftovers(self) -> None:
        """End what a supervisor that was killed left behind, so that two servers never share one data directory."""
        left = read_state(self._data_dir)
        if left is None:
            return
        running = [(c.pid, c.began, c.stop_signal) for c in left.components if c.pid is not None and c.began is not None]
        end_all(running, GRACE_SECONDS)


class _Stopped(BaseException):
    """Told to stop while still starting."""
