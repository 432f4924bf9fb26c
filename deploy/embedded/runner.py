"""Keeps one component running: start, notice its end, start it again after a back-off, stop it."""

import signal
import subprocess
import time

from deploy.embedded.component import Component
from deploy.embedded.errors import StackError
from deploy.embedded.processes import Launch, end_all, spawn, started_at
from deploy.embedded.state import ComponentState

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
# Who lived shorter did not get through its start; who lived longer crashed at work and is wanted back at once.
_LIVED = 1.0


class Runner:
    """One component and its current process. Not thread-safe; use it from one thread that outlives the process."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.restarts = 0
        self.was_healthy = False
        self._process: subprocess.Popen[bytes] | None = None
        self._launch: Launch | None = None
        self._began = 0.0
        self._started = 0.0
        self._pause = _FIRST_PAUSE
        self._again_at: float | None = None

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._process is not None

    @property
    def uptime(self) -> float:
        """Seconds since the current process was started."""
        return time.monotonic() - self._started

    def start(self) -> None:
        """Start the process; `component.prepare()` must have been run."""
        self._launch = self.component.launch()
        self._process = spawn(self._launch, self.component.log)
        self._began = started_at(self._process.pid) or 0.0
        self._started = time.monotonic()
        self._again_at = None

    def exit_code(self) -> int | None:
        """How the current process ended; None while it lives or before it was started."""
        return None if self._process is None else self._process.poll()

    def tend(self) -> bool:
        """Restart the process when it has ended and its pause is over; return whether anything changed."""
        if self._process is None or self._process.poll() is None:
            return False
        if self._again_at is None:
            self._put_off(_FIRST_PAUSE if self.uptime >= _LIVED else self._pause * 2)
            return True
        if time.monotonic() < self._again_at:
            return False
        try:
            self.component.prepare()
            self.start()
        except (OSError, StackError):
            # A full disk, say: it must not end the supervisor, for space may come back.
            self._put_off(self._pause * 2)
            return False
        self.restarts += 1
        return True

    def _put_off(self, pause: float) -> None:
        self._pause = min(pause, _LONGEST_PAUSE)
        self._again_at = time.monotonic() + self._pause

    def healthy(self) -> bool:
        """Whether its process lives and answers."""
        if self._process is None or self._process.poll() is not None:
            return False
        if self.component.healthy(self.uptime):
            self.was_healthy = True
            return True
        return False

    def target(self) -> tuple[int, float, signal.Signals] | None:
        """(pid, start, stop signal) of the live process, for `end_all`."""
        if self._process is None or self._launch is None or self._process.poll() is not None:
            return None
        return self._process.pid, self._began, self._launch.stop_signal

    def state(self) -> ComponentState:
        """What the state file says about it."""
        alive = self._process is not None and self._process.poll() is None
        return ComponentState(
            name=self.component.name,
            pid=self._process.pid if alive and self._process else None,
            began=self._began if alive else None,
            port=self.component.port,
            restarts=self.restarts,
            started=self.was_healthy,
            stop_signal=self._launch.stop_signal if self._launch else signal.SIGTERM,
            log=self.component.log,
        )


def stop_all(runners: list[Runner], grace: float) -> None:
    """Ask all of them to end at once, then make them; reap them."""
    end_all([target for runner in runners if (target := runner.target())], grace)
    for runner in runners:
        if runner._process is not None:
            runner._process.wait()
