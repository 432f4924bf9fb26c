"""Interrupts of a drill: services killed, the cloud throttling, failing or losing answers; a seeded schedule, then carried out."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from libs.testing.chaos.chance import Random
from libs.testing.drill.cloud import CloudProcess
from libs.testing.services import Service

KILL, THROTTLE, FAIL, LOSE = "kill", "throttle", "fail", "lose"
BURSTS = {THROTTLE: "throttled", FAIL: "failed", LOSE: "lost"}
SHARE = 0.4
"""Share of calls that go wrong during a burst."""


class Interrupt(NamedTuple):
    """One interrupt: once `after` servers have ended, `target` is killed, or the cloud is unlucky for `burst_s`."""

    after: int
    kind: str
    target: str
    burst_s: float


def schedule(seed: int, count: int, servers: int, services: Sequence[str]) -> list[Interrupt]:
    """Interrupts spread over the run by what has been done; each service is killed about as often. Pure."""
    random = Random(f"{seed}/interrupts")
    kinds = [random.choice((KILL, KILL, KILL, THROTTLE, FAIL, LOSE)) for _ in range(count)]
    targets = [services[number % len(services)] for number in range(count)]
    random.shuffle(targets)
    whens = sorted(random.randrange(max(1, servers * 9 // 10)) for _ in range(count))
    return [
        Interrupt(when, kind, target if kind == KILL else "cloud", 0.0 if kind == KILL else random.uniform(0.3, 1.5))
        for when, kind, target in zip(whens, kinds, targets, strict=True)
    ]


class Interrupter:
    """Carries out a schedule; `tend` must restart what has ended, `ended` says how many servers have."""

    def __init__(
        self,
        services: Sequence[Service],
        cloud: CloudProcess,
        tend: Callable[[], object],
        ended: Callable[[], int],
        say: Callable[[str], object],
    ) -> None:
        self._services = {service.module.rpartition(".")[2]: service for service in services}
        self._cloud, self._tend, self._ended, self._say = cloud, tend, ended, say
        self.struck: Counter[str] = Counter()

    def run(self, interrupts: Sequence[Interrupt], patience_s: float) -> None:
        """Carry out all of it; each comes at the latest so long after the one before, however little got done."""
        for number, interrupt in enumerate(interrupts, 1):
            until = time.monotonic() + patience_s
            while self._ended() < interrupt.after and time.monotonic() < until:
                self._tend()
                time.sleep(0.05)
            self._say(f"interrupt {number}: {interrupt.kind} {interrupt.target}, {self._ended()} servers ended")
            self._strike(interrupt)

    def _strike(self, interrupt: Interrupt) -> None:
        if interrupt.kind != KILL:
            self._cloud.unlucky(interrupt.burst_s, **{BURSTS[interrupt.kind]: SHARE})
        else:
            service = self._services[interrupt.target]
            service.send(signal.SIGKILL)
        self.struck[f"{interrupt.kind} {interrupt.target}"] += 1
        self._tend()
