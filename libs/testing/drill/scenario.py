"""What a drill moves: servers in waves, what depends on what, and what limits them. Pure: the same seed, the same scenario."""

from typing import Any, NamedTuple

from libs.testing.chaos.chance import Random
from libs.testing.drill.calendars import Calendar, calendars
from libs.testing.drill.plan import Plan

QUOTA = 20
"""Servers that MGN lets replicate at once in a region, by default."""
REGION_LIMIT = "limit/mgn.replicating"
RATE = "rate/starts"
TEAMS = ("core", "shop", "data")


class Server(NamedTuple):
    """One migration to be asked for. `machine` counts the machines of its wave."""

    migration: str
    machine: int
    depends_on: tuple[str, ...]
    on_failure: str
    approval: bool


class Wave(NamedTuple):
    """One wave. `limits` are ids of capacities."""

    name: str
    after: tuple[str, ...]
    limits: tuple[str, ...]
    max_running: int
    max_failures: int
    servers: tuple[Server, ...]


class Scenario(NamedTuple):
    """All of it. `limits` are settings of capacities as the API takes them, calendars aside."""

    waves: tuple[Wave, ...]
    limits: dict[str, dict[str, Any]]
    calendars: tuple[Calendar, ...]

    @property
    def servers(self) -> int:
        """How many servers there are."""
        return sum(len(wave.servers) for wave in self.waves)


def scenario(plan: Plan) -> Scenario:
    """The scenario of a plan."""
    random = Random(plan.seed)
    shares = [plan.servers // plan.waves + (number < plan.servers % plan.waves) for number in range(plan.waves)]
    made = calendars(random)
    limits: dict[str, dict[str, Any]] = {REGION_LIMIT: {"limit": QUOTA}, RATE: {"perMinute": max(12, plan.servers * 2 // 5)}}
    limits |= {f"limit/team={team}": {"limit": size} for team, size in zip(TEAMS, (14, 10, 12), strict=True)}
    waves = tuple(_wave(random, number, size, [one.id for one in made]) for number, size in enumerate(shares, 1) if size)
    return Scenario(waves, limits, made)


def _wave(random: Random, number: int, size: int, ids: list[str]) -> Wave:
    """Two chains of waves side by side; now and then a wave waits for both."""
    after = tuple(f"wave-{one}" for one in ((number - 2, number - 1) if number % 4 == 0 else (number - 2,)) if one > 0)
    limits = (REGION_LIMIT, RATE, f"limit/team={TEAMS[number % len(TEAMS)]}", ids[number % len(ids)])
    names = [f"w{number}-s{place + 1}" for place in range(size)]
    depends = [_depends(random, names[: min(place, max(1, size // 3))]) for place in range(size)]
    needed = {other for others in depends for other in others}
    servers = tuple(
        # What others wait for is held for a person, not rolled back: that would block them.
        Server(name, place, depends[place], "hold" if name in needed else random.choice(("rollback", "hold")), random.random() < 0.1)
        for place, name in enumerate(names)
    )
    return Wave(f"wave-{number}", after, tuple(sorted(limits)), random.choice((0, 12, 16)), max(1, size // 12), servers)


def _depends(random: Random, earlier: list[str]) -> tuple[str, ...]:
    """Two fifths depend on one or two of the first third."""
    if random.random() >= 0.4:
        return ()
    return tuple(sorted(random.sample(earlier, min(len(earlier), random.choice((1, 1, 2))))))
