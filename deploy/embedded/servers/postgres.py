"""PostgreSQL, ready for logical replication."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.embedded.component import Component
from deploy.embedded.errors import StackError
from deploy.embedded.host import unprivileged, write_atomically
from deploy.embedded.install import Installed
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.processes import Launch, base_env

SUPERUSER = "postgres"
_HBA = f"""\
host all         all {LOOPBACK}/32 scram-sha-256
host replication all {LOOPBACK}/32 scram-sha-256
"""
_BACKENDS_GONE_SECONDS = 5.0
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres(Component):
    """One PostgreSQL server with password login over TCP on loopback.

    `databases` are created at its first start; `settings` are added to (and win over) ours. As root it runs as an
    unprivileged user, who must be able to reach `data_dir`.
    """

    def __init__(
        self,
        port: int,
        data_dir: Path,
        log: Path,
        installed: Installed,
        password: str,
        *,
        name: str = "postgres",
        databases: tuple[str, ...] = (),
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.port, self.log, self._home = name, port, log, data_dir
        self._programs, self.password, self._databases, self._fsync = installed.postgres, password, databases, fsync
        # Without fsync a torn page would be lost anyway, so its insurance is only cost. synchronous_commit stays on:
        # off, it delays logical replication by 200 ms.
        durability = {"fsync": "on", "full_page_writes": "on"} if fsync else {"fsync": "off", "full_page_writes": "off"}
        self._settings = _SETTINGS | durability | dict(settings or {})
        self._user = unprivileged()

    def url(self, database: str = "postgres") -> str:
        """Address for clients, with the password."""
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the database cluster once; forget the lock file of a server that was killed."""
        data = self._home / "data"
        if data.is_dir():
            self._drop_stale_lock(data)
            return
        self._home.mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)
        if self._user:
            os.chown(self._home, *self._user)
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._create(fresh)
        fresh.rename(data)

    def _create(self, fresh: Path) -> None:
        sync = () if self._fsync else ("--no-sync",)
        self._run("initdb", "-D", str(fresh), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", *sync)
        statements = [
            f"ALTER ROLE {SUPERUSER} PASSWORD '{self.password}'",
            *(f"CREATE DATABASE {d}" for d in self._databases),
        ]
        self._run(
            *("postgres", "--single", "-D", str(fresh), "-c", "fsync=off", "postgres"),
            given="".join(f"{s};\n" for s in statements),
        )
        (fresh / "pg_hba.conf").write_text(_HBA)

    def _run(self, program: str, *arguments: str, given: str = "") -> None:
        uid, gid = self._user or (None, None)
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            input=given,
            env=base_env(),
            cwd=self._home,
            capture_output=True,
            text=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )
        if done.returncode or "ERROR" in done.stderr:
            raise StackError(f"{self.name}: {program} failed: {done.stderr.strip().rpartition(chr(10))[2]}")

    def _drop_stale_lock(self, data: Path) -> None:
        """Forget a killed server's lock file once its last backend is gone.

        PostgreSQL itself takes a zombie, or another process that got the dead server's pid, for a running server.
        """
        lock = data / "postmaster.pid"
        with suppress(OSError, ValueError):
            holder = int(lock.read_text().splitlines()[0])
            if psutil.pid_exists(holder) and not _works_in(holder, data) and _left_by_all(data):
                lock.unlink()

    def launch(self) -> Launch:
        settings = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        command = (str(self._programs / "postgres"), "-D", str(self._home / "data"), "-p", str(self.port), *settings)
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for clients to leave.
        return Launch(command, base_env(), self._home, self._user, signal.SIGINT)

    def healthy(self, uptime: float) -> bool:
        """Whether it accepts our password and answers a query."""
        asked = [str(self._programs / "psql"), "-X", "-A", "-t", "-c", "SELECT 1"]
        login = {"PGPASSWORD": self.password, "PGUSER": SUPERUSER, "PGHOST": LOOPBACK, "PGPORT": str(self.port)}
        try:
            done = subprocess.run(
                asked,
                env=base_env() | login | {"PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "2"},
                capture_output=True,
                timeout=3,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def _works_in(pid: int, data: Path) -> bool:
    """Whether the live process has this working directory, as every PostgreSQL process has its data directory."""
    try:
        return Path(psutil.Process(pid).cwd()) == data
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _left_by_all(data: Path) -> bool:
    """Wait, for a while, until no process works in the directory: backends end soon after their server."""
    deadline = time.monotonic() + _BACKENDS_GONE_SECONDS
    while any(_works_in(pid, data) for pid in psutil.pids()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def password_of(data_dir: Path) -> str:
    """The password of this data directory's PostgreSQL servers, made at the first call, readable by the owner only."""
    path = data_dir / "postgres.password"
    if not path.exists():
        write_atomically(path, secrets.token_urlsafe(24))
    return path.read_text()
