"""Curtain up and down: the stack started, the acts played, everything stopped in the end or on Ctrl-C."""

import signal
import time
from contextlib import suppress

from deploy.embedded import client
from deploy.embedded.errors import StackError
from deploy.embedded.state import StackState
from libs.cli.connection import connect, local_token
from libs.cli.demo.acts import perform
from libs.cli.demo.run_file import load
from libs.cli.demo.settings import DemoSettings
from libs.cli.demo.telling import Figures, act, finale, remark
from libs.cli.errors import CliError, Exit
from libs.cli.output import say, talk
from libs.cli.stack import progress


def demonstrate(settings: DemoSettings, began: float) -> int:
    """Play it, then stay up until Ctrl-C unless it is to run once. `began` is when the process began, on the monotonic clock."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        state = _up(settings)
        good = _played(settings, state, began)
        if not settings.once:
            _stay(settings, state)
        return Exit.OK if good else Exit.FAILED
    except CliError as error:
        say(f"error: {error.line}")
        return error.code
    except StackError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("\nstopping; nothing is lost, the next start goes on from here")
        return Exit.INTERRUPTED
    finally:
        _down(settings)


def _up(settings: DemoSettings) -> StackState:
    act("Starting Kafka, three PostgreSQL servers, the schema registry and the six services")
    began = time.monotonic()
    with progress(False) as (tell, watch):
        state = client.up(settings.data_dir, settings.stack(), tell, watch)
    remark(f"all healthy after {time.monotonic() - began:.1f} s; the HTTP API is at {state.urls['http']}")
    return state


def _played(settings: DemoSettings, state: StackState, began: float) -> bool:
    run = load(settings.data_dir / "demo" / "run.json")
    if run.stage != "building":
        remark(f"going on with run {run.number}, which was stopped while {run.stage}")
    api = connect(state.urls["http"], local_token(settings.data_dir, "default"), settings.data_dir)
    run, rolled_back = perform(settings, api, (state.urls["source"], state.urls["target"]), run)
    figures = Figures(
        run.rows, run.writes_during, run.lost, run.checksums_equal, run.pause_ms, rolled_back, round(time.monotonic() - began, 1)
    )
    finale(figures, run.writes_per_second)
    return figures.good


def _stay(settings: DemoSettings, state: StackState) -> None:
    """Keep everything up until Ctrl-C."""
    where = "" if str(settings.data_dir) == ".whimbrel" else f" --data-dir {settings.data_dir}"
    talk().print(
        f"\nEverything stays up at {state.urls['http']}. Try [bold]whimbrel list{where}[/], [bold]whimbrel audit verify{where}[/]. Ctrl-C stops all."
    )
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
    say("\nstopping")


def _down(settings: DemoSettings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        client.down(settings.data_dir)
    except StackError as error:
        say(f"error: {error}")
