"""The nemesis: a seeded schedule of faults, one after another, each to its end before the next begins."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from deploy.embedded.stack import Stack
from libs.runtime.clock import now_us
from libs.testing.chaos.chance import Random
from libs.testing.services import Service

KILL, PAUSE = "kill", "pause"
SERVERS = ("kafka", "postgres")
SERVER_BACK_S = 60.0
SERVER_EVERY = 10
"""Of so many kills one concerns the broker, and one PostgreSQL."""


class Fault(NamedTuple):
    """One fault: after `wait_s`, `target` is killed, or paused for `pause_s`."""

    wait_s: float
    action: str
    target: str
    pause_s: float


class Struck(NamedTuple):
    """A fault that happened, and when, by the wall clock in milliseconds."""

    fault: Fault
    at_ms: int


def schedule(seed: int, kills: int, services: Sequence[str]) -> list[Fault]:
    """Faults of a run: services killed and now and then paused, then the broker, then PostgreSQL. Pure."""
    random = Random(seed)
    of_servers = [name for name in SERVERS for _ in range(max(1, kills // SERVER_EVERY))] if kills >= len(SERVERS) + 1 else []
    faults: list[Fault] = []
    for _ in range(kills - len(of_servers)):
        if random.random() < 0.25:
            faults.append(Fault(random.uniform(0.2, 1.0), PAUSE, random.choice(services), random.choice((0.5, 1.0, 3.0))))
        faults.append(Fault(random.uniform(0.3, 2.5), KILL, random.choice(services), 0.0))
    return faults + [Fault(random.uniform(1.0, 3.0), KILL, name, 0.0) for name in of_servers]


class Nemesis:
    """Carries out a schedule. `tend` is called while it waits: it must restart what has ended.

    `recovered` says whether anything was committed since a fault; before and after a server is killed that is waited for,
    so that the time it takes is the server's alone. Services are killed whether or not the last one is back.
    """

    def __init__(
        self,
        stack: Stack,
        services: Sequence[Service],
        tend: Callable[[], object],
        recovered: Callable[[Struck], bool],
    ) -> None:
        self._stack, self._services, self._tend, self._recovered = stack, services, tend, recovered
        self.struck: list[Struck] = []

    def run(self, faults: Sequence[Fault]) -> None:
        """Carry out all of it."""
        for fault in faults:
            if fault.target in SERVERS:
                self._until_recovered()
            self._pass(fault.wait_s)
            (self._kill if fault.action == KILL else self._pause)(fault)

    def _pass(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tend()
            time.sleep(0.02)

    def _service(self, name: str) -> Service:
        return next(service for service in self._services if service.name == name)

    def _kill(self, fault: Fault) -> None:
        if fault.target not in SERVERS:
            self._note(fault)
            self._service(fault.target).kill()
            return
        server = next(component for component in self._stack.status() if component.name == fault.target)
        assert server.pid is not None
        self._note(fault)
        os.kill(server.pid, signal.SIGKILL)
        self._pass(0.2)
        self._until_recovered()

    def _until_recovered(self) -> None:
        until = time.monotonic() + SERVER_BACK_S
        while self.struck and not self._recovered(self.struck[-1]) and time.monotonic() < until:
            self._pass(0.1)

    def _pause(self, fault: Fault) -> None:
        service = self._service(fault.target)
        self._note(fault)
        service.send(signal.SIGSTOP)
        self._pass(fault.pause_s)
        service.send(signal.SIGCONT)

    def _note(self, fault: Fault) -> None:
        self.struck.append(Struck(fault, now_us() // 1_000))
