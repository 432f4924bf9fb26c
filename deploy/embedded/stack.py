"""The stack: all components of one data directory, started in parallel, tended, stopped in order."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.component import Component
from deploy.embedded.errors import StackError
from deploy.embedded.host import open_data_dir, require_space, server_home
from deploy.embedded.install import install
from deploy.embedded.ports import require_free
from deploy.embedded.runner import Runner, stop_all
from deploy.embedded.servers import Kafka, Postgres, Registry
from deploy.embedded.servers.postgres import password_of
from deploy.embedded.servers.registry import DATABASE as REGISTRY_DATABASE
from deploy.embedded.services import read_env_file, services
from deploy.embedded.settings import CREDENTIALS, HTTP_SERVICE, SERVICES, StackSettings, credential_dir
from deploy.embedded.state import ComponentState

DATABASE = "whimbrel"
# Below the data directory: secrets that requests may refer to, and connection records that workers may write.
CONNECTIONS = "connections"
GRACE_SECONDS = 10.0
_START_TIMEOUT = 120.0
_OPTIONS = {"ingress": "--http-port (WHIMBREL_HTTP_PORT)"}

Say = Callable[[str], None]


class Stack:
    """Kafka, PostgreSQL, the schema registry and, when the settings say so, the six services.

    Use it from one thread that lives as long as the stack: on Linux the servers end with that thread.
    """

    def __init__(self, data_dir: Path, settings: StackSettings, say: Say = lambda _: None) -> None:
        self.data_dir = data_dir.resolve()
        self.settings = settings.resolved()
        self._say = say
        self._runners: dict[str, Runner] = {}
        self._urls: dict[str, str] = {}
        self._server_home = self.data_dir
        self.kafka_proxied: dict[int, int] = {}
        self._provisioning: Future[None] | None = None

    @classmethod
    @contextmanager
    def ephemeral(
        cls, *, fsync: bool = False, kafka_fsync: bool = False, kafka_short_lived: bool = False, extra_postgres: tuple[str, ...] = (),
        kafka_proxy_ports: Iterable[int] = (),
    ) -> Iterator["Stack"]:  # fmt: skip
        """The three servers on free ports in a temporary directory, gone afterwards. For tests."""
        settings = StackSettings(
            kafka_port=0, registry_port=0, postgres_port=0, http_port=0, services=False, fsync=fsync, kafka_fsync=kafka_fsync,
            kafka_short_lived=kafka_short_lived, extra_postgres=dict.fromkeys(extra_postgres, 0), kafka_proxy_ports=tuple(kafka_proxy_ports),
        )  # fmt: skip
        home = Path(tempfile.mkdtemp(prefix="whimbrel-"))
        stack = cls(home, settings)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop(grace=GRACE_SECONDS)
            for used in (stack._server_home, home):
                shutil.rmtree(used, ignore_errors=True)

    @property
    def kafka(self) -> str:
        """Bootstrap address, host:port."""
        return self._urls["kafka"]

    @property
    def registry(self) -> str:
        """Base URL for Confluent-compatible clients."""
        return self._urls["registry"]

    @property
    def postgres(self) -> str:
        """URL of the `whimbrel` database, with its password."""
        return self._urls["postgres"]

    @property
    def urls(self) -> dict[str, str]:
        """Address of everything that listens, by component name."""
        return dict(self._urls)

    def start(self) -> None:
        """Install what is missing, start everything, return once all answer.

        Raises EnvironmentProblem (port taken, disk, network, data directory) or StackError (a component does not
        start); then nothing is left running.
        """
        open_data_dir(self.data_dir)
        require_space(self.data_dir)
        read_env_file(self.settings.env_file)
        for name in (CREDENTIALS, CONNECTIONS):
            (self.data_dir / name).mkdir(mode=0o700, exist_ok=True)
        for name, port in self.settings.ports().items():
            require_free(name, port, _OPTIONS.get(name, f"--{name}-port (WHIMBREL_{name.upper()}_PORT)"))
        self._runners = {component.name: Runner(component) for component in self.components()}
        try:
            self._bring_up()
        except BaseException:
            self.stop(grace=2.0)
            raise

    def components(self) -> list[Component]:
        """The components of these settings, whether or not they run; installs their programs when they are missing."""
        installed = install(self._say)
        postgres_home = self._server_home = server_home(self.data_dir, open_data_dir(self.data_dir))
        chosen, data, logs = self.settings, self.data_dir, self.data_dir / "logs"
        password = password_of(data)
        postgres = Postgres(
            chosen.postgres_port, postgres_home / "postgres", logs / "postgres.log", installed, password,
            databases=(DATABASE, REGISTRY_DATABASE), fsync=chosen.fsync,
        )  # fmt: skip
        kafka = Kafka(
            chosen.kafka_port, data / "kafka", logs / "kafka.log", installed,
            heap_mb=chosen.kafka_heap_mb, fsync=chosen.kafka_fsync, short_lived=chosen.kafka_short_lived, proxy_ports=chosen.kafka_proxy_ports,
        )  # fmt: skip
        registry = Registry(chosen.registry_port, data / "registry", logs / "registry.log", installed, postgres)
        more = [
            Postgres(port, postgres_home / name, logs / f"{name}.log", installed, password, name=name, fsync=chosen.fsync)
            for name, port in chosen.extra_postgres.items()
        ]
        self.kafka_proxied = kafka.proxied
        self._urls = {"kafka": kafka.bootstrap, "registry": registry.url, "postgres": postgres.url(DATABASE)}
        self._urls |= {server.name: server.url() for server in more}
        running: list[Component] = [postgres, kafka, registry, *more]
        if chosen.services:
            self._urls["http"] = f"http://127.0.0.1:{chosen.http_port}"
            running += services(self._service_env(), chosen.env_file, {HTTP_SERVICE: chosen.http_port} | chosen.health_ports, logs)
        return running

    def _service_env(self) -> dict[str, str]:
        return {
            "WHIMBREL_KAFKA": self.kafka,
            "WHIMBREL_REGISTRY": self.registry,
            "WHIMBREL_POSTGRES": self.postgres,
            "WHIMBREL_PREFIX": self.settings.prefix,
            "WHIMBREL_PARTITIONS": str(self.settings.partitions),
            "WHIMBREL_SLOT": "0",
            "WHIMBREL_DATA_DIR": str(self.data_dir),
            "WHIMBREL_CREDENTIAL_DIR": str(credential_dir(self.data_dir)),
            "WHIMBREL_CONNECTION_DIR": os.environ.get("WHIMBREL_CONNECTION_DIR", str(self.data_dir / CONNECTIONS)),
        }

    def _bring_up(self) -> None:
        """Prepare in threads, start in this one (see `spawn`), each component as soon as what it needs is healthy."""
        deadline = time.monotonic() + _START_TIMEOUT
        with ThreadPoolExecutor(len(self._runners) + 1) as pool:
            prepared = {name: pool.submit(runner.component.prepare) for name, runner in self._runners.items()}
            while not self.step(prepared, pool):
                if time.monotonic() > deadline:
                    waiting = [name for name, runner in self._runners.items() if not runner.was_healthy]
                    logs = self.data_dir / "logs"
                    raise StackError(f"{', '.join(waiting)} did not start within {_START_TIMEOUT:.0f} s: see {logs}")
                time.sleep(0.02)

    def step(self, prepared: dict[str, Future[None]], pool: ThreadPoolExecutor) -> bool:
        """Do what can be done now towards a running stack; return whether all is healthy."""
        for name, runner in self._runners.items():
            if not runner.started:
                needs_met = all(self._runners[need].was_healthy for need in runner.component.needs)
                if prepared[name].done() and needs_met and (name not in SERVICES or self._provisioned(pool)):
                    prepared[name].result()
                    runner.start()
                    self._say(f"{name}: starting")
            elif not runner.was_healthy:
                self._check_start(runner)
        return all(runner.was_healthy for runner in self._runners.values())

    def _provisioned(self, pool: ThreadPoolExecutor) -> bool:
        """Whether topics and schemas are there; begins to make them the first time it is asked."""
        from deploy.embedded.provisioning import provision  # Kafka's client takes 0.2 s to import, and `status` has no use for it

        if self._provisioning is None:
            self._say("topics and schemas: making what is missing")
            chosen = self.settings
            self._provisioning = pool.submit(provision, self.kafka, self.registry, chosen.prefix, chosen.partitions)
        if self._provisioning.done():
            self._provisioning.result()
            return True
        return False

    def _check_start(self, runner: Runner) -> None:
        if runner.exit_code() is not None and runner.restarts + 1 < runner.component.start_attempts:
            runner.tend()
        elif runner.exit_code() is not None:
            name, log = runner.component.name, runner.component.log
            raise StackError(f"{name} exited with code {runner.exit_code()} while starting: {_last_line(log)} (see {log})")
        elif runner.healthy():
            self._say(f"{runner.component.name}: ready after {runner.uptime:.1f} s")

    def tend(self) -> bool:
        """Restart what has ended; return whether anything changed. Call it often."""
        changed = [runner.tend() for runner in self._runners.values()]
        return any(changed)

    def status(self) -> list[ComponentState]:
        """State of each component."""
        return [runner.state() for runner in self._runners.values()]

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Stop the services, then the registry, then Kafka and PostgreSQL; each gets `grace` seconds before SIGKILL."""
        started = {name: runner for name, runner in self._runners.items() if runner.started}
        first = [started.pop(name) for name in SERVICES if name in started]
        second = [started.pop("registry")] if "registry" in started else []
        for group in (first, second, list(started.values())):
            stop_all(group, grace)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")
