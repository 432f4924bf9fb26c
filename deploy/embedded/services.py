"""The six services as the stack runs them, one slot each."""

import os
import sys
from pathlib import Path

from deploy.embedded.component import Component
from deploy.embedded.ports import get
from deploy.embedded.processes import Launch
from deploy.embedded.settings import HTTP_SERVICE, SERVICES

_PROJECT = Path(__file__).resolve().parents[2]


class Service(Component):
    """One service, started as `python -m services.<name>`; it is crash-only, so an exit is followed by a new start."""

    needs = ("kafka", "registry", "postgres")
    start_attempts = 5

    def __init__(self, name: str, log: Path, env: dict[str, str], port: int) -> None:
        self.name, self.log, self._env = name, log, env
        self.port: int = port

    def prepare(self) -> None:
        """A service keeps nothing on disk."""

    def launch(self) -> Launch:
        variable = "WHIMBREL_HTTP_PORT" if self.name == HTTP_SERVICE else "WHIMBREL_HEALTH_PORT"
        env = dict(os.environ) | self._env | {variable: str(self.port)}
        return Launch((sys.executable, "-m", f"services.{self.name}"), env, _PROJECT)

    def healthy(self, uptime: float) -> bool:
        """Whether it says that it is ready."""
        answer = get(self.port, "/readyz")
        return answer is not None and answer[0] == 200


def services(env: dict[str, str], ports: dict[str, int], logs: Path) -> list[Component]:
    """All six with the environment they share and the port each serves its readiness on."""
    return [Service(name, logs / f"{name}.log", env, ports[name]) for name in SERVICES]
