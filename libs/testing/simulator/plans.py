"""Random requests and plans, and what capacities allow."""

from collections.abc import Mapping

from msgspec.structs import replace

from libs.contracts.capacity import FINISH, PAUSE, CapacitySettings, Freeze
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.contracts.migration.request import Request
from libs.testing.simulator.chance import Chance
from libs.testing.simulator.faults import SECOND

WAVES = ("wave-1", "wave-2")
CAPACITIES = ("calendar/prod", "limit/host=esx-1", "rate/starts")


def random_request(chance: Chance) -> Request:
    """A request that holds or rolls back on failure."""
    on_failure = chance.pick(("rollback", "rollback", "hold"))
    return Request(provider="rehearsal", application="billing", source="{}", target="{}", on_failure=on_failure)


def in_fleet(chance: Chance, request: Request, before: Mapping[str, str], chained: bool) -> Request:
    """The request with what makes it wait for others. `before` are those asked for already and their waves: it may depend on
    those of its own wave, and of the first wave where the second is chained to it.
    """
    limits = tuple(capacity for capacity in CAPACITIES if chance.happens(0.5))
    wave = chance.pick(("", *WAVES, WAVES[1]))
    near = [id_ for id_, other in before.items() if wave and other in ((wave, WAVES[0]) if chained else (wave,))]
    return replace(request, limits=limits, wave=wave, depends_on=tuple(id_ for id_ in near if chance.happens(0.4)))


def random_settings(chance: Chance, now: int) -> CapacitySettings:
    """Few at once, few a minute, and freezes that are soon over."""
    freezes = []
    for _ in range(chance.between(0, 2)):
        begins = now + chance.between(0, 90) * SECOND
        freezes.append(Freeze(begins=begins, ends=begins + chance.between(5, 60) * SECOND, label="a freeze"))
    return CapacitySettings(
        limit=chance.pick((0, 1, 1, 2)), per_minute=chance.pick((0, 0, 2)), freezes=tuple(freezes), on_close=chance.pick((PAUSE, FINISH))
    )


def random_terms(chance: Chance, step: str) -> ApprovalTerms:
    """One yes or two, some of which lapse, now and then only on a fresh rehearsal of the way back."""
    return ApprovalTerms(
        before=step, quorum=chance.pick((1, 2)), expires_s=chance.pick((0, 5, 30)), way_back_max_age_s=chance.pick((0, 0, 60))
    )


def random_plan(chance: Chance, most_steps: int = 6) -> Plan:
    """A plan of acts, some chunked, some without compensation, checks and waits; now and then with a point of no return."""
    count = chance.between(1, most_steps)
    crossing = chance.between(0, 2 * count)
    return Plan(provider="rehearsal", steps=tuple(_step(chance, number, number == crossing) for number in range(count)))


def _step(chance: Chance, number: int, crossing: bool) -> Step:
    name, attempts, timeout_ms = f"step_{number}", chance.between(1, 3), chance.pick((1_000, 10_000, 60_000))
    kind = ACT if crossing else chance.pick((ACT, ACT, ACT, CHECK, WAIT))
    if kind == WAIT:
        wait_for = chance.pick(("time", "approval"))
        least = 1 if wait_for == "time" else 10_000
        wait_ms = chance.between(least, 30_000) if wait_for == "time" or chance.happens(0.5) else 0
        terms = random_terms(chance, name) if wait_for == "approval" and chance.happens(0.5) else None
        return Step(name=name, phase="testing", kind=WAIT, wait_for=wait_for, wait_ms=wait_ms, approval=terms)
    compensation = "undo it" if kind == ACT and not crossing and chance.happens(0.85) else ""
    return Step(
        name=name,
        phase="replicating",
        kind=kind,
        compensation=compensation,
        point_of_no_return=crossing,
        attempts=attempts,
        timeout_ms=timeout_ms,
        chunks=chance.between(1, 6) if chance.happens(0.3) else 0,
        window=chance.between(1, 3),
    )
