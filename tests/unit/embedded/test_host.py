"""Directories, disks, ports and settings: a wrong one is named with what to do."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.embedded import host
from deploy.embedded.errors import EnvironmentProblem
from deploy.embedded.host import disk_errors_named, open_data_dir, open_to_all, require_space, write_atomically
from deploy.embedded.ports import free_port, is_free, require_free
from deploy.embedded.settings import StackSettings


def test_data_dir_keeps_its_id(tmp_path: Path) -> None:
    first = open_data_dir(tmp_path / "new" / "data")
    assert open_data_dir(tmp_path / "new" / "data") == first
    assert open_data_dir(tmp_path / "other") != first


def test_data_dir_of_a_newer_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "layout.json").write_text(json.dumps({"layout": host.LAYOUT + 1, "id": "x"}))
    with pytest.raises(EnvironmentProblem, match=r"made by a newer Whimbrel \(layout 2, this one knows 1\): upgrade"):
        open_data_dir(tmp_path)


def test_data_dir_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(EnvironmentProblem, match=r"belongs to user .*: run as that user, or use another --data-dir"):
        open_data_dir(tmp_path)


def test_data_dir_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="use another --data-dir"):
        open_data_dir(tmp_path / "file" / "data")


def test_too_little_space_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 * 1024**2))
    with pytest.raises(EnvironmentProblem, match=r"only 5 MiB free at .*: free at least 1024 MiB"):
        require_space(tmp_path)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "is full: free at least 1024 MiB"), (errno.EACCES, "cannot be written: fix its permissions")],
)
def test_disk_errors_say_what_to_do(number: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=words), disk_errors_named(tmp_path):
        raise OSError(number, "no")


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), disk_errors_named(tmp_path):
        raise BlockingIOError(errno.EAGAIN, "later")


def test_written_file_is_private_and_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "state", "one")
    write_atomically(tmp_path / "state", "two")
    assert (tmp_path / "state").read_text() == "two"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_closed_parent_closes_what_is_below(tmp_path: Path) -> None:
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not open_to_all(tmp_path / "closed" / "inner")
    assert open_to_all(Path("/"))


def test_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(EnvironmentProblem, match=f"port {port} for kafka is taken: .* with --kafka-port"):
            require_free("kafka", port, "--kafka-port")


def test_port_taken_on_all_addresses_counts_as_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_free_ports_are_free_and_never_the_same() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(map(is_free, ports))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names of sockets that no file stands for")
def test_a_port_that_was_handed_out_is_not_taken_for_free_by_another_process() -> None:
    port = free_port()
    asking = f"from deploy.embedded.ports import free_port; free_port(range({port}, {port + 1}))"

    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True)

    assert done.returncode == 1
    assert "no free port" in done.stderr


def test_port_zero_is_resolved_once() -> None:
    resolved = StackSettings(kafka_port=0, extra_postgres={"source": 0}).resolved()
    assert all(resolved.ports().values())
    assert resolved.resolved() == resolved


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kafka_port": 5000, "postgres_port": 5000}, "cannot share a port"),
        ({"kafka_port": 65536}, "less than or equal to 65535"),
        ({"prefix": "Not ok"}, "String should match"),
        ({"no_such": 1}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        StackSettings.model_validate(given)


@pytest.mark.parametrize(
    ("asked", "differing"),
    [
        ({}, []),
        ({"kafka_port": 0}, []),
        ({"services": False}, ["services"]),
        ({"fsync": False, "prefix": "other"}, ["prefix", "fsync"]),
        ({"extra_postgres": {"source": 0}}, ["extra_postgres"]),
    ],
)
def test_asking_for_other_than_what_runs_is_noticed(asked: dict[str, object], differing: list[str]) -> None:
    assert StackSettings.model_validate(asked).differing_from(StackSettings().resolved()) == differing
