"""The six services as the stack runs them, one slot each."""

import os
import sys
from pathlib import Path

from deploy.embedded.component import Component
from deploy.embedded.errors import EnvironmentProblem
from deploy.embedded.ports import get
from deploy.embedded.processes import Launch
from deploy.embedded.settings import ENVIRONMENT, HTTP_SERVICE, SERVICES

_PROJECT = Path(__file__).resolve().parents[2]


class Service(Component):
    """One service, started as `python -m services.<name>`; it is crash-only, so an exit is followed by a new start."""

    needs = ("kafka", "registry", "postgres")
    start_attempts = 5

    def __init__(self, name: str, log: Path, env: dict[str, str], env_file: Path | None, port: int) -> None:
        self.name, self.log, self._env, self._env_file = name, log, env, env_file
        self.port: int = port

    def prepare(self) -> None:
        """A service keeps nothing on disk."""

    def launch(self) -> Launch:
        variable = "WHIMBREL_HTTP_PORT" if self.name == HTTP_SERVICE else "WHIMBREL_HEALTH_PORT"
        env = (
            {"WHIMBREL_ENVIRONMENT": ENVIRONMENT}
            | dict(os.environ)
            | read_env_file(self._env_file)
            | self._env
            | {variable: str(self.port)}
        )
        return Launch((sys.executable, "-m", f"services.{self.name}"), env, _PROJECT)

    def healthy(self, uptime: float) -> bool:
        """Whether it says that it is ready."""
        answer = get(self.port, "/readyz")
        return answer is not None and answer[0] == 200


def services(env: dict[str, str], env_file: Path | None, ports: dict[str, int], logs: Path) -> list[Component]:
    """All six with the environment they share and the port each serves its readiness on."""
    return [Service(name, logs / f"{name}.log", env, env_file, ports[name]) for name in SERVICES]


def read_env_file(path: Path | None) -> dict[str, str]:
    """Variables of a file of NAME=value lines; empty lines and those that begin with # are passed over. Raises EnvironmentProblem."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentProblem(f"env file {path} cannot be read: {type(error).__name__}: give another with --env-file") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or not name.isidentifier():
            raise EnvironmentProblem(f"env file {path}, line {number} is not NAME=value: correct it")
        found[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    return found
