"""The six services as the stack runs them, one slot each."""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from deploy.embedded.component import Component
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.processes import Launch

SERVICES = ("ingress", "validator", "migrator", "verifier", "notifier", "projector")
HTTP_SERVICE = "ingress"
_PROJECT = Path(__file__).resolve().parents[2]
# A service that is missing something says so and exits within its first moments.
_SETTLED_SECONDS = 1.5


class Service(Component):
    """One service, started as `python -m services.<name>`; it is crash-only, so an exit is followed by a new start."""

    needs = ("kafka", "registry", "postgres")

    def __init__(self, name: str, log: Path, env: dict[str, str], port: int | None = None) -> None:
        self.name, self.log, self._env, self.port = name, log, env, port

    def prepare(self) -> None:
        """A service keeps nothing on disk."""

    def launch(self) -> Launch:
        return Launch((sys.executable, "-m", f"services.{self.name}"), dict(os.environ) | self._env, _PROJECT)

    def healthy(self, uptime: float) -> bool:
        """Whether it answers HTTP, when it serves that; else whether it has stayed up."""
        if self.port is None:
            return uptime >= _SETTLED_SECONDS
        try:
            urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/", timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def services(env: dict[str, str], http_port: int, logs: Path) -> list[Component]:
    """All six with the environment they share."""
    return [Service(name, logs / f"{name}.log", env, http_port if name == HTTP_SERVICE else None) for name in SERVICES]
