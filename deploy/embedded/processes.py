"""Child processes: started so that they cannot outlive us, told apart by pid and start time, stopped in two steps."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_LOG_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Launch:
    """How to start one process. `user` is a (uid, gid) to become; `stop_signal` asks it to end gracefully."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def base_env() -> dict[str, str]:
    """The little of our environment that servers may see: variables of other installations must not steer them."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}


def spawn(launch: Launch, log: Path) -> subprocess.Popen[bytes]:
    """Start the process, its output appended to `log`. Call it from a thread that lives as long as the child should."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    uid, gid = launch.user or (None, None)
    with log.open("ab") as output:
        return subprocess.Popen(
            launch.argv,
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(launch.stop_signal),
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )


def _die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """Have the kernel send our stop signal to the child when we die, even by SIGKILL (Linux only)."""
    libc, parent = _LIBC, os.getpid()
    if libc is None:
        return None

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sent))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child


def started_at(pid: int) -> float | None:
    """When process `pid` began, in seconds since the epoch; None when there is no such live process."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def is_same(pid: int, began: float) -> bool:
    """Whether the process recorded as (pid, began) still lives, and is not another one that got its pid."""
    now = started_at(pid)
    return now is not None and abs(now - began) < 0.05


def age(began: float) -> float:
    """Seconds since a process start as `started_at` gives it: a difference of machine times, for display."""
    return max(0.0, time.clock_gettime(time.CLOCK_REALTIME) - began)


def resident_bytes(pid: int) -> int:
    """Resident memory of the process and its descendants; pages they share are counted once for each."""
    total = 0
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def end_all(targets: Iterable[tuple[int, float, signal.Signals]], grace: float) -> None:
    """Signal every (pid, began, signal) that still lives, wait up to `grace` seconds, then SIGKILL its group."""
    alive = [(pid, began) for pid, began, sent in targets if _signalled(pid, began, sent)]
    deadline = time.monotonic() + grace
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        alive = [(pid, began) for pid, began in alive if is_same(pid, began)]
    for pid, began in alive:
        if is_same(pid, began):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _signalled(pid: int, began: float, sent: signal.Signals) -> bool:
    if not is_same(pid, began):
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, sent)
    return True
