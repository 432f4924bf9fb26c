"""Processes of services under test: started with their environment, killed, paused, resumed, restarted when they end.

Use from one thread that lives as long as they should: on Linux they end with it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from deploy.embedded.ports import free_port, get
from deploy.embedded.processes import Launch, spawn
from libs.testing.waiting import PARTITIONS, wait_until

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 15.0


class RunningServers(Protocol):
    """Kafka, PostgreSQL and the schema registry, whoever started them."""

    @property
    def kafka(self) -> str:
        """Bootstrap address, host:port."""

    @property
    def registry(self) -> str:
        """Base URL for Confluent-compatible clients."""

    @property
    def postgres(self) -> str:
        """URL of the database, with its password."""

    def tend(self) -> object:
        """Start again what has ended. Call it often."""


def environment_of(stack: RunningServers, prefix: str, *, kafka: str = "", partitions: int = PARTITIONS) -> dict[str, str]:
    """Variables that point a service at a stack; `kafka` names another bootstrap address, e.g. a proxy's."""
    return {
        "WHIMBREL_KAFKA": kafka or stack.kafka,
        "WHIMBREL_REGISTRY": stack.registry,
        "WHIMBREL_POSTGRES": stack.postgres,
        "WHIMBREL_PREFIX": prefix,
        "WHIMBREL_ENVIRONMENT": "dev",
        "WHIMBREL_PARTITIONS": str(partitions),
    }


class Service:
    """One process of one service. `module` is what `python -m` runs."""

    def __init__(self, module: str, slot: int, environment: Mapping[str, str], logs: Path) -> None:
        self.module, self.slot, self.name = module, slot, f"{module.rsplit('.', 1)[-1]}-{slot}"
        self.log = logs / f"{self.name}.log"
        self.health_port = free_port()
        self.starts = 0
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the current process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process, or start it again."""
        own = {"WHIMBREL_SLOT": str(self.slot), "WHIMBREL_HEALTH_PORT": str(self.health_port)}
        launch = Launch((sys.executable, "-m", self.module), dict(os.environ) | self._environment | own, ROOT, None, signal.SIGKILL)
        self._process = spawn(launch, self.log)
        self.starts += 1

    def exit_code(self) -> int | None:
        """How the current process ended; None while it lives."""
        return self._process.poll() if self._process is not None else None

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        answer = get(self.health_port, "/readyz")
        return self.exit_code() is None and answer is not None and answer[0] == 200

    def wait_ready(self) -> Self:
        """Return once it is ready; fail with its log when it ends instead."""

        def ready_or_ended() -> bool:
            assert self.exit_code() is None, f"{self.name} ended with {self.exit_code()}: {self.log.read_text()[-2000:]}"
            return self.ready()

        wait_until(ready_or_ended, f"{self.name} is ready")
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_S)

    def stop(self) -> int:
        """SIGTERM, then SIGKILL when that takes too long; returns the exit status."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(STOP_S)
        self.kill()
        return -signal.SIGKILL

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Log lines about one kind of fact, of all its processes so far, oldest first."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines() if self.log.exists() else ():
            with suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict) and fact.get("event") == event:
                    found.append(fact)
        return found


class Services:
    """Several services with one environment; ended together."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment, self._logs = dict(environment), logs
        self.running: list[Service] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End all of them; returns when they are gone."""
        for service in self.running:
            service.send(signal.SIGCONT)
            service.send(signal.SIGTERM)
        for service in self.running:
            service.stop()

    def start(self, module: str, slot: int = 0, **environment: str) -> Service:
        """Start one more; further variables win over those shared."""
        service = Service(module, slot, self._environment | environment, self._logs)
        self.running.append(service)
        service.start()
        return service

    def restart_ended(self) -> list[Service]:
        """Start again whatever has ended; returns it. Call it often, as a supervisor does."""
        ended = [service for service in self.running if service.exit_code() is not None]
        for service in ended:
            service.start()
        return ended
