"""Start, look at and stop a supervised stack from outside."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from deploy.embedded.component import Component
from deploy.embedded.errors import StackError
from deploy.embedded.host import disk_errors_named, locked, open_data_dir
from deploy.embedded.install import install
from deploy.embedded.processes import age, end_all, resident_bytes
from deploy.embedded.settings import StackSettings
from deploy.embedded.stack import GRACE_SECONDS, Stack
from deploy.embedded.state import ComponentState, StackState, read_state

_TICK = 0.05
_ERROR = "error: "

Watch = Callable[[StackState], None]


class ComponentReport(BaseModel):
    """One line of the status: `state` is healthy, starting, unhealthy (runs, does not answer) or down."""

    name: str
    state: str
    pid: int | None
    port: int | None
    uptime_seconds: float | None
    restarts: int
    rss_bytes: int | None


class StackReport(BaseModel):
    """The whole status; `healthy` means that the supervisor runs and every component answered just now."""

    running: bool
    healthy: bool
    data_dir: Path
    urls: dict[str, str]
    components: list[ComponentReport]


def up(data_dir: Path, settings: StackSettings, say: Callable[[str], None], watch: Watch) -> StackState:
    """Start the stack in the background and return once all is healthy; one that runs or is being started is left as it is.

    `say` gets lines of the installation, `watch` every new state. Raises StackError with what went wrong.
    """
    data_dir = data_dir.resolve()
    open_data_dir(data_dir)
    with disk_errors_named(data_dir), locked(data_dir / "up.lock"):
        return _up(data_dir, settings, say, watch)


def _up(data_dir: Path, settings: StackSettings, say: Callable[[str], None], watch: Watch) -> StackState:
    found = _state(data_dir)
    if found and found.alive:
        _require_same_choice(found, settings)
        return _wait_ready(data_dir, None, watch)
    install(say)
    process = _spawn_supervisor(data_dir, settings)
    try:
        return _wait_ready(data_dir, process, watch)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise


def _state(data_dir: Path) -> StackState | None:
    with disk_errors_named(data_dir):
        return read_state(data_dir)


def _require_same_choice(found: StackState, asked: StackSettings) -> None:
    """Refuse when what runs is not what is asked for, rather than pretend."""
    differing = asked.differing_from(found.settings)
    if differing:
        raise StackError(f"already running with another choice of {', '.join(differing)}: run whimbrel down first")


def _spawn_supervisor(data_dir: Path, settings: StackSettings) -> subprocess.Popen[bytes]:
    log = _log(data_dir)
    log.parent.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "deploy.embedded",
        "--data-dir",
        str(data_dir),
        "--settings",
        settings.model_dump_json(),
    ]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[2],
        )


def _log(data_dir: Path) -> Path:
    return data_dir / "logs" / "supervisor.log"


def _wait_ready(data_dir: Path, process: subprocess.Popen[bytes] | None, watch: Watch) -> StackState:
    """Follow the state file until it says ready. Bounded by the supervisor's own time limit: it then ends."""
    while True:
        state = _state(data_dir)
        ours = state if state and (process is None or state.pid == process.pid) else None
        if ours:
            watch(ours)
            if ours.ready and ours.alive:
                return ours
        ended = process.poll() is not None if process else not (ours and ours.alive)
        if ended:
            raise _failure(data_dir, _state(data_dir), process)
        time.sleep(_TICK)


def _failure(data_dir: Path, state: StackState | None, process: subprocess.Popen[bytes] | None) -> StackError:
    if state and state.problem and (process is None or state.pid == process.pid):
        return _error(state.problem, state.exit_code)
    log = _log(data_dir)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(_ERROR)] if log.exists() else []
    if process and lines:
        return _error(lines[-1].removeprefix(_ERROR), process.returncode)
    if process and process.returncode == 0:
        return StackError("stopped before it was ready, as somebody asked: start it again with whimbrel up")
    return StackError(f"the supervisor ended unexpectedly: see {log}")


def _error(message: str, exit_code: int) -> StackError:
    error = StackError(message)
    error.exit_code = exit_code
    return error


def down(data_dir: Path) -> bool:
    """Stop the stack of this directory, gracefully if it lets us; return whether anything was running."""
    state = _state(data_dir.resolve())
    if state is None:
        return False
    left = [(c.pid, c.began, c.stop_signal) for c in state.components if c.alive and c.pid and c.began]
    was_running = state.alive
    if was_running:
        # Three groups are stopped one after the other.
        end_all([(state.pid, state.began, signal.SIGTERM)], 3 * GRACE_SECONDS + 5)
    end_all(left, GRACE_SECONDS)
    return was_running or bool(left)


def report(data_dir: Path) -> StackReport:
    """What runs in this directory, each component asked by a real request."""
    data_dir = data_dir.resolve()
    state = _state(data_dir)
    if state is None:
        return StackReport(running=False, healthy=False, data_dir=data_dir, urls={}, components=[])
    known = {c.name: c for c in Stack(data_dir, state.settings).components()} if state.alive else {}
    lines = [_line(one, known.get(one.name)) for one in state.components]
    healthy = bool(lines) and state.alive and all(line.state == "healthy" for line in lines)
    return StackReport(running=state.alive, healthy=healthy, data_dir=data_dir, urls=state.urls, components=lines)


def _line(state: ComponentState, component: Component | None) -> ComponentReport:
    if not state.alive or state.pid is None or state.began is None:
        word, uptime, rss = "down", None, None
    else:
        uptime, rss = age(state.began), resident_bytes(state.pid)
        word = "healthy" if component and component.healthy(uptime) else "unhealthy" if state.started else "starting"
    return ComponentReport(
        name=state.name,
        state=word,
        pid=state.pid if word != "down" else None,
        port=state.port,
        uptime_seconds=uptime,
        restarts=state.restarts,
        rss_bytes=rss,
    )
