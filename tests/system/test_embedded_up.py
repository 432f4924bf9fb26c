"""`whimbrel up`, `status`, `down` with the real servers, as ourselves and as an ordinary user."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.system.embedded_whimbrel import USERS, User, Whimbrel, remember, remembered, wait_until

SERVERS = ("postgres", "kafka", "registry")


@pytest.fixture(scope="module")
def started_twice() -> Iterator[tuple[Whimbrel, list[dict[str, Any]]]]:
    """A data directory with something in each server, and what two commands said that started them at once."""
    with Whimbrel.of(USERS[0]) as ours:
        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(lambda _: ours.up(), range(2)))
        remember(reports[0]["urls"])
        yield ours, reports


@pytest.fixture
def whimbrel(started_twice: tuple[Whimbrel, list[dict[str, Any]]]) -> Whimbrel:
    """That directory; each test says `up()` itself, which is quick when it runs."""
    return started_twice[0]


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_up_status_down_and_up_again_keeps_the_data(user: User, tmp_path: Path) -> None:
    """For ourselves in a directory that is closed to other users, like the home of root: pytest's are."""
    with Whimbrel(user, tmp_path / "closed" / "data") if user.uid is None else Whimbrel.of(user) as whimbrel:
        assert whimbrel.run("status").returncode == 1
        first = whimbrel.up()
        postgres = next(one for one in first["components"] if one["name"] == "postgres")
        assert psutil.Process(postgres["pid"]).uids().effective != 0, "PostgreSQL refuses to run as root"
        assert {one["name"]: one["state"] for one in first["components"]} == dict.fromkeys(SERVERS, "healthy")
        assert all(one["rss_bytes"] > 0 and one["restarts"] == 0 for one in first["components"])
        remember(first["urls"])

        assert json.loads(whimbrel.run("down", "--json").stdout) == {"was_running": True}
        assert not any(_runs(one["pid"]) for one in first["components"])
        assert whimbrel.run("status").returncode == 1
        assert json.loads(whimbrel.run("down", "--json").stdout) == {"was_running": False}

        assert remembered(whimbrel.up()["urls"])


def test_up_of_a_running_stack_leaves_it_alone(whimbrel: Whimbrel) -> None:
    first, second = whimbrel.up(), whimbrel.up()
    assert [one["pid"] for one in first["components"]] == [one["pid"] for one in second["components"]]


def test_two_at_once_start_one_stack(started_twice: tuple[Whimbrel, list[dict[str, Any]]]) -> None:
    first, second = started_twice[1]
    assert [one["pid"] for one in first["components"]] == [one["pid"] for one in second["components"]]


def test_other_choice_for_a_running_stack_is_refused_not_ignored(whimbrel: Whimbrel) -> None:
    whimbrel.up()
    done = whimbrel.run("up", "--servers-only", "--prefix", "other", *whimbrel.PORTS)
    assert done.returncode == 1
    assert done.stderr == "error: already running with another choice of prefix: run whimbrel down first\n"


def test_servers_listen_on_loopback_only(whimbrel: Whimbrel) -> None:
    for one in whimbrel.up()["components"]:
        listening = {c.laddr.ip for c in psutil.Process(one["pid"]).net_connections() if c.status == psutil.CONN_LISTEN}
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_killed_servers_are_restarted_on_their_ports_with_their_data(whimbrel: Whimbrel) -> None:
    before = whimbrel.up()
    for one in before["components"]:
        os.kill(one["pid"], signal.SIGKILL)
    wait_until(lambda: all(one["restarts"] for one in whimbrel.status()["components"]))
    wait_until(lambda: whimbrel.status()["healthy"])
    after = whimbrel.status()
    assert after["urls"] == before["urls"]
    assert not {one["pid"] for one in after["components"]} & {one["pid"] for one in before["components"]}
    assert remembered(after["urls"])


def test_no_server_outlives_a_killed_supervisor(whimbrel: Whimbrel) -> None:
    report = whimbrel.up()
    os.kill(whimbrel.supervisor_pid(), signal.SIGKILL)
    wait_until(lambda: not any(_runs(one["pid"]) for one in report["components"]))


def test_everything_survives_kill_9_of_everything(whimbrel: Whimbrel) -> None:
    report = whimbrel.up()
    pids = [whimbrel.supervisor_pid(), *(one["pid"] for one in report["components"])]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(_runs, pids)))
    assert whimbrel.run("status").returncode == 1
    assert remembered(whimbrel.up()["urls"])


def test_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = ("--kafka-port", str(port), "--registry-port", "0", "--postgres-port", "0")
        done = Whimbrel(USERS[0], tmp_path / "data").run("up", "--servers-only", *taken)
    assert done.returncode == 3
    assert done.stderr == (
        f"error: port {port} for kafka is taken: stop what listens there, or choose another with --kafka-port (WHIMBREL_KAFKA_PORT)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--kafka-port", "70000"], "--kafka-port"),
        (["up", "--kafka-port", "5000", "--postgres-port", "5000"], "cannot share a port"),
        (["up", "--prefix", "NOT OK"], "prefix"),
        (["up", "--extra-postgres", "a b"], "write NAME or NAME=PORT"),
    ],
)
def test_wrong_option_is_a_usage_error(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = Whimbrel(USERS[0], tmp_path / "data").run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
