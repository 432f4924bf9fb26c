"""What the generator sends: seeded requests for rehearsals of every kind, and operators who interfere at random."""

import json
from collections.abc import Callable
from typing import Any

from libs.contracts.migration import commands as c
from libs.contracts.migration.request import Request
from libs.testing.chaos.chance import Random

TENANTS = ("acme", "globex", "initech", "umbrella")
ATTEMPTS = 5
"""Attempts of a rehearsal's step: as many failures in a row are one for good."""


def tenant_of(number: int) -> str:
    """Tenant of the migration of that number."""
    return TENANTS[number % len(TENANTS)]


def options(random: Random, effects: str) -> dict[str, Any]:
    """Options of one rehearsal: plain, chunked, failing, failing for good, stuck on the way back, past return."""
    steps = random.randint(2, 7)
    chosen: dict[str, Any] = {"steps": steps, "effects": effects, "seed": random.randrange(1 << 30)}
    chosen["duration_ms"] = random.choice((0, 0, 1, 20))
    if random.random() < 0.4:
        chosen["shape"] = "mixed"
    if random.random() < 0.2:
        chosen["chunks"] = random.randint(2, 9)
    if random.random() < 0.2:
        chosen["failure_rate"] = 0.15
    if random.random() < 0.2:
        # A check that is told to fail is looked at again until its deadline, minutes away; checks are every third step.
        act = random.choice([number for number in range(1, steps + 1) if number % 3])
        chosen |= {"fail_at": act, "fail_times": random.choice((1, 2, ATTEMPTS)), "fail_for_good": random.random() < 0.3}
    if random.random() < 0.1:
        chosen |= {"fail_undo_at": random.randint(1, steps), "fail_undo_times": random.choice((1, ATTEMPTS))}
    if random.random() < 0.15:
        chosen["point_of_no_return"] = True
    return chosen


def request(random: Random, tenant: str, effects: str) -> c.RequestMigration:
    """One request. The canary names its tenant: it must never be seen with another."""
    body = Request(
        provider="rehearsal",
        application=f"canary:{tenant}:",
        source="{}",
        target="{}",
        options=json.dumps(options(random, effects)),
        on_failure=random.choice(("rollback", "rollback", "hold")),
        approval=random.random() < 0.1,
    )
    return c.RequestMigration(request=body)


_OPERATIONS: tuple[Callable[[Random], Any], ...] = (
    lambda random: c.PauseMigration(reason="operator"),
    lambda random: c.ResumeMigration(reason="operator"),
    lambda random: c.CancelMigration(reason="operator"),
    lambda random: c.RollBackMigration(reason="operator"),
    lambda random: c.RetryMigration(from_step=f"step_{random.randint(1, 4)}", reason="operator"),
    lambda random: c.ApproveMigration(reason="operator"),
)


def operation(random: Random) -> Any:
    """What an operator does without looking."""
    return random.choice(_OPERATIONS)(random)


def helping(mode: str, awaiting: str, random: Random) -> Any:
    """What lets a migration that waits for a person go on; None when it waits for nobody."""
    if mode == "paused":
        return c.ResumeMigration(reason="settling")
    if mode == "held":
        return random.choice((c.RetryMigration(reason="settling"), c.RollBackMigration(reason="settling")))
    if mode == "stuck":
        return random.choice((c.RetryMigration(reason="settling"), c.SkipCompensation(reason="settling")))
    return c.ApproveMigration(reason="settling") if awaiting == "approval" else None
