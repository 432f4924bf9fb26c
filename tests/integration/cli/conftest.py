"""Five services on real servers for all tests of the package, and the command pointed at them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from deploy.embedded.ports import free_port, get
from libs.cli.app import application
from libs.edge.issuer import LocalIssuer
from libs.runtime.kafka import create_topics
from libs.testing.servers import SharedServers
from libs.testing.services import ROOT, Services, environment_of
from libs.testing.waiting import PARTITIONS, wait_until


class Ended(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)


class World(NamedTuple):
    """What runs, and the environment that points a command at it."""

    environment: dict[str, str]
    issuer: LocalIssuer
    data_dir: Path

    def run(self, *arguments: str, given: str = "", **environment: str) -> Ended:
        """Run `whimbrel` with these arguments, in this process: starting one for each would take most of the time."""
        variables = self.environment | {"WHIMBREL_TOKEN": self._token()} | environment
        result = CliRunner().invoke(application(), list(arguments), input=given.encode(), env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, given: str = "", **environment: str) -> Ended:
        """Run it as a user does: a process of its own, through pipes."""
        return self.program(sys.executable, "-m", "libs.cli", *arguments, given=given, **{"WHIMBREL_TOKEN": self._token()} | environment)

    def _token(self) -> str:
        return self.issuer.issue("default", "u-1", ("admin", "operator"))

    def program(self, *command: str, given: str = "", **environment: str) -> Ended:
        """Run any program in that environment."""
        variables = {**os.environ, **self.environment, **environment}
        done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, input=given, timeout=120)
        return Ended(done.returncode, done.stdout, done.stderr)

    def requested(self, id_: str, **options: Any) -> str:
        """A rehearsal under way, or ended; its id."""
        assert self.run("migrate", "file", "-", "--no-wait", given=rehearsal(id_, **options)).code == 0
        return id_


def rehearsal(id_: str, *, approval: bool = False, on_failure: str = "rollback", **options: Any) -> str:
    """A request for a rehearsal, as JSON."""
    body = {"migrationId": id_, "appName": "billing", "environment": "dev", "provider": "rehearsal", "source": {}, "target": {}}
    return json.dumps(body | {"options": options, "approval": approval, "onFailure": on_failure})


@pytest.fixture(scope="package")
def world(stack: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    prefix, data_dir, port = f"cli{os.getpid()}", tmp_path_factory.mktemp("cli"), free_port()
    create_topics(stack.kafka, prefix, PARTITIONS)
    environment = environment_of(stack, prefix)
    with Services(environment, tmp_path_factory.mktemp("logs")) as services:
        started = [services.start(f"services.{name}") for name in ("validator", "migrator", "verifier", "projector")]
        ingress = services.start("services.ingress", WHIMBREL_HTTP_PORT=str(port), WHIMBREL_DATA_DIR=str(data_dir))
        for service in started:
            service.wait_ready()

        def ready() -> bool:
            assert ingress.exit_code() is None, ingress.log.read_text()[-2_000:]
            answer = get(port, "/readyz")
            return answer is not None and answer[0] == 200

        wait_until(ready, "ingress is ready")
        own = {"WHIMBREL_URL": f"http://127.0.0.1:{port}", "WHIMBREL_DATA_DIR": str(data_dir), "NO_COLOR": "1"}
        yield World(environment | own, LocalIssuer(data_dir), data_dir)
