"""Restart policy, and telling processes apart."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.embedded import runner as runner_module
from deploy.embedded.component import Component
from deploy.embedded.processes import Launch, end_all, is_same, started_at
from deploy.embedded.runner import Runner, stop_all


class Script(Component):
    """Runs a Python program."""

    name = "script"

    def __init__(self, program: str, home: Path) -> None:
        self._program, self._home, self.log = program, home, home / "script.log"

    def prepare(self) -> None:
        """Nothing."""

    def launch(self) -> Launch:
        return Launch((sys.executable, "-c", self._program), dict(os.environ), self._home)

    def healthy(self, uptime: float) -> bool:
        return "up" in self.log.read_text()


RunnerOf = Callable[[str], Runner]


@pytest.fixture
def runner_of(tmp_path: Path) -> Iterator[RunnerOf]:
    made: list[Runner] = []

    def make(program: str) -> Runner:
        made.append(Runner(Script(program, tmp_path)))
        made[-1].start()
        return made[-1]

    yield make
    stop_all(made, grace=0.2)


SLEEPS = "import time; print('up', flush=True); time.sleep(60)"


def _until(condition: Callable[[], object]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 20
        time.sleep(0.005)


def _restarted(runner: Runner, times: int) -> Callable[[], bool]:
    def check() -> bool:
        runner.tend()
        return runner.restarts >= times

    return check


class Clock:
    """The runner's clock, which goes on only when it is told to: how long a process takes to start or end is no pause."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now

    def pause_of(self, runner: Runner) -> float:
        """Seconds from the end of the process until the runner starts it again."""
        _until(lambda: runner.exit_code() is not None)
        began, restarts = self.now, runner.restarts
        runner.tend()
        while not runner.tend():
            self.now += 0.01
        assert runner.restarts == restarts + 1
        return self.now - began


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(runner_module, "time", clock)
    return clock


def test_who_crashes_at_work_is_back_within_300_ms(clock: Clock, runner_of: RunnerOf) -> None:
    runner = runner_of(SLEEPS)
    clock.now += 1.1
    _until(runner.healthy)
    target = runner.target()
    assert target is not None
    os.kill(target[0], signal.SIGKILL)
    assert clock.pause_of(runner) < 0.3
    assert runner.state().pid != target[0]


def test_who_does_not_get_through_its_start_is_tried_ever_more_slowly(clock: Clock, runner_of: RunnerOf) -> None:
    runner = runner_of("raise SystemExit(3)")
    pauses = [clock.pause_of(runner) for _ in range(8)]
    assert pauses[:3] == pytest.approx([0.1, 0.2, 0.4], abs=0.02)
    assert pauses == sorted(pauses)
    assert pauses[-2:] == pytest.approx([5.0, 5.0], abs=0.02)
    _until(lambda: runner.exit_code() == 3)
    assert not runner.healthy()


def test_full_disk_at_a_restart_puts_it_off_instead_of_ending_the_supervisor(runner_of: RunnerOf, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = runner_of("raise SystemExit(3)")

    def no_space() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(runner.component, "prepare", no_space)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            assert runner.restarts == 0
            runner.tend()
    _until(_restarted(runner, 1))


def test_who_ignores_the_request_to_end_is_killed(runner_of: RunnerOf) -> None:
    runner = runner_of("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS)
    _until(runner.healthy)
    stop_all([runner], grace=0.2)
    assert runner.exit_code() == -signal.SIGKILL


def test_output_is_kept_in_the_log(runner_of: RunnerOf) -> None:
    runner = runner_of("raise ValueError('the reason')")
    _until(lambda: runner.exit_code() is not None)
    assert "ValueError: the reason" in runner.component.log.read_text()


def test_process_with_the_pid_of_an_ended_one_is_left_alone(runner_of: RunnerOf) -> None:
    runner = runner_of(SLEEPS)
    _until(runner.healthy)
    target = runner.target()
    assert target is not None
    pid, began, _ = target
    assert is_same(pid, began)
    assert not is_same(pid, began - 100)
    end_all([(pid, began - 100, signal.SIGKILL)], grace=0.1)
    assert runner.exit_code() is None


def test_ended_process_has_no_start_even_before_it_is_reaped(runner_of: RunnerOf) -> None:
    runner = runner_of("pass")
    pid = runner._process.pid if runner._process else 0
    _until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert started_at(pid) is None
