"""`make run`: a live database is moved by the six services, then a second move with a fault rolls itself back. Small here: few rows."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import client
from deploy.embedded.ports import free_port
from deploy.embedded.state import read_state

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 300
KEYS = ["rows", "writes_during_move", "lost_writes", "checksums_equal", "pause_ms", "rolled_back_ok", "seconds"]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    ports = {f"WHIMBREL_{name}_PORT": str(free_port()) for name in ("KAFKA", "REGISTRY", "POSTGRES", "HTTP", "SOURCE", "TARGET")}
    own = {"WHIMBREL_DATA_DIR": str(tmp_path / "data"), "WHIMBREL_DEMO_ROWS": "20000", "WHIMBREL_ONCE": "1", "WHIMBREL_FSYNC": "false"}
    yield {**os.environ, **ports, **own}
    client.down(tmp_path / "data")


def started(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "libs.cli.demo"], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.timeout(2 * LIMIT_S)
def test_it_moves_a_database_rolls_another_move_back_and_goes_on_after_ctrl_c(environment: dict[str, str]) -> None:
    """Stopped in the middle of the first move, started again, it must come to the same good end."""
    data_dir = Path(environment["WHIMBREL_DATA_DIR"])
    first = started(environment)
    assert first.stderr is not None
    said = []
    for line in first.stderr:
        said.append(line)
        if "create_subscription: done" in line:
            first.send_signal(signal.SIGINT)
            break
    said.append(first.communicate(timeout=LIMIT_S)[1])
    state = read_state(data_dir)

    assert first.returncode == 130, "".join(said)
    assert state is not None
    assert not state.alive

    out, err = started(environment).communicate(timeout=LIMIT_S)
    assert out, err
    figures = json.loads(out.splitlines()[-1])

    assert "going on with run 1, which was stopped while moving" in err
    assert list(figures) == KEYS
    assert figures["rows"] >= 20_000
    assert figures["writes_during_move"] > 0
    assert (figures["lost_writes"], figures["checksums_equal"], figures["rolled_back_ok"]) == (0, True, True)
    assert 0 < figures["pause_ms"] < LIMIT_S * 1_000
    assert f"{figures['rows']:,}" in out
    assert "outlet_1-move: rolled back; the source is as it was" in err


def test_a_port_that_is_taken_is_named_with_what_to_set(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["WHIMBREL_SOURCE_PORT"]))):
        process = started(environment)
        out, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 3
    assert out == ""
    assert f"port {environment['WHIMBREL_SOURCE_PORT']} for source is taken" in err
    assert "Traceback" not in err


def test_a_setting_that_does_not_fit_is_named(environment: dict[str, str]) -> None:
    process = started(environment | {"WHIMBREL_DEMO_ROWS": "many"})
    _, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 2
    assert "WHIMBREL_DEMO_ROWS" in err
