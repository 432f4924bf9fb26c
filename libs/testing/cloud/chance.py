"""Misfortune by script: which calls are throttled, fail, or lose their answer, and how long things take."""

from typing import Literal

import msgspec

from libs.testing.cloud.books import Books
from libs.testing.cloud.models import Call, Refused

Fault = Literal["", "throttle", "fail", "lose"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one operation from the `nth` on meet a fault, `times` times."""

    operation: str
    fault: Fault
    nth: int = 1
    times: int = 1


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """How unlucky calls are and how long things take; every draw depends on the seed, the call and its count alone."""

    throttled: float = 0.0
    failed: float = 0.0
    """Share of calls that fail with a 500 before anything was done."""
    lost: float = 0.0
    """Share of calls that are carried out and whose answer is lost."""
    launch_failures: float = 0.0
    """Share of launch jobs that end with FAILED."""
    stale_snapshots: float = 0.0
    """Share of launch jobs whose last snapshot fails, so that an older one is used."""
    unhealthy: float = 0.0
    """Share of launched instances whose application never answers."""
    rules: tuple[Rule, ...] = ()
    delay_ms: int = 0
    """How long every answer takes."""
    install_ms: int = 0
    """From the order to install an agent to the source server's appearance."""
    initiate_ms: int = 20
    sync_ms: int = 60
    """Length of the initial synchronisation; a server's own varies by half around it."""
    launch_ms: int = 60
    terminate_ms: int = 40
    boot_ms: int = 20
    """From a running instance to its application's first answer."""
    snapshot_ms: int = 30
    lag_s: float = 2.0
    """Seconds of lag once in continuous replication; varies by half around it."""
    quota: int = 20
    """Servers that may replicate at once."""
    agents: Literal["replicating", "stopped"] = "replicating"
    """What a new agent does when it appears."""


def fault(books: Books, script: Script, call: Call) -> Fault:
    """What happens to a call."""
    name = call.operation.name
    counted = books.count(f"call {name}")
    for rule in script.rules:
        if rule.operation == name and rule.nth <= counted < rule.nth + rule.times:
            return rule.fault
    here = books.count(f"call {name} {call.subject}")
    drawn = books.drawn("fault", name, call.subject, here)
    if drawn < script.throttled:
        return "throttle"
    if drawn < script.throttled + script.failed:
        return "fail"
    return "lose" if drawn < script.throttled + script.failed + script.lost else ""


def refused_by(kind: Fault, protocol: str) -> Refused:
    """The error of a fault, in the words of the protocol."""
    if kind == "throttle":
        if protocol == "ec2":
            return Refused("RequestLimitExceeded", "Request limit exceeded.", 503)
        return Refused(
            "Throttling" if protocol == "rest-xml" else "ThrottlingException", "Rate exceeded", 400 if protocol == "rest-xml" else 429
        )
    return Refused("InternalError" if protocol == "ec2" else "InternalFailure", "An internal error has occurred", 500)
