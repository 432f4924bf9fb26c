"""Everything that a drill needs while it runs: servers, the six services, the stand-in cloud, the receiver of callbacks, a watcher of the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.ports import free_port, get
from libs.cli.client import Api
from libs.contracts.topics import events_of
from libs.edge.issuer import LocalIssuer
from libs.runtime.kafka import create_topics
from libs.testing.aws_move import environment
from libs.testing.chaos.watching import Watcher
from libs.testing.drill.cloud import CloudProcess
from libs.testing.drill.planning import TENANT
from libs.testing.drill.receiver import Receiver, receiving
from libs.testing.services import RunningServers, Services, environment_of
from libs.testing.waiting import wait_until

SERVICES = ("ingress", "validator", "migrator", "verifier", "notifier", "projector")
PARTITIONS = 4
TOKEN_S = 6 * 3_600
AT_ONCE = 48
"""Work items that a worker carries out at once: each of them has clients of the SDK of its own."""


class Stage:
    """Use from one thread that lives as long as its services."""

    def __init__(self, stack: RunningServers, prefix: str, cloud: CloudProcess, services: Services, receiver: Receiver, home: Path) -> None:
        self.stack, self.prefix, self.cloud, self.services, self.receiver = stack, prefix, cloud, services, receiver
        port = free_port()
        for name in SERVICES:
            services.start(f"services.{name}", WHIMBREL_HTTP_PORT=str(port))
        self.token = LocalIssuer(home).issue(TENANT, "planner-1", ("admin",), TOKEN_S)
        self.api = Api(f"http://127.0.0.1:{port}", self.token)
        self._port = port
        self.watcher = Watcher(stack.kafka, events_of(prefix, "migration"), PARTITIONS)

    def wait_ready(self) -> None:
        """Return once every service is."""
        for service in self.services.running:
            if service.name != "ingress-0":
                service.wait_ready()
        wait_until(lambda: (get(self._port, "/readyz") or (0, b""))[0] == 200, "ingress is ready")

    def tend(self) -> None:
        """What a supervisor does all the time: start again what has ended."""
        self.stack.tend()
        self.services.restart_ended()

    def ended(self) -> int:
        """How many migrations have ended, as far as the log was read."""
        return self.watcher.known - len(self.watcher.unfinished())

    def planned(self) -> int:
        """How many migrations have a plan, or were refused one."""
        return self.watcher.known - sum(mode == "checking" for mode, _ in self.watcher.unfinished().values())

    def wait(self, condition: Callable[[], object], seconds: float, say: Callable[[str], object]) -> bool:
        """Whether the condition came true in time; tends meanwhile."""
        until, told = time.monotonic() + seconds, 0.0
        while not condition():
            if time.monotonic() > until:
                return False
            if time.monotonic() > told + 10.0:
                told = time.monotonic()
                say(f"{self.ended()} of {self.watcher.known} servers have ended")
            self.tend()
            time.sleep(0.1)
        return True


@contextmanager
def staged(stack: RunningServers, prefix: str, home: Path, seed: int) -> Iterator[Stage]:
    """A stage on servers that are up; the services are ready."""
    create_topics(stack.kafka, prefix, PARTITIONS)
    cloud = CloudProcess(home, seed)
    try:
        shared = environment_of(stack, prefix, partitions=PARTITIONS) | environment(cloud.url)
        shared |= {"WHIMBREL_DATA_DIR": str(home), "WHIMBREL_SESSION_TIMEOUT_MS": "6000", "WHIMBREL_WORK_LIMIT": str(AT_ONCE)}
        with receiving() as receiver, Services(shared, home / "logs") as services:
            stage = Stage(stack, prefix, cloud, services, receiver, home)
            try:
                stage.wait_ready()
                yield stage
            finally:
                stage.watcher.stop()
    finally:
        cloud.stop()
