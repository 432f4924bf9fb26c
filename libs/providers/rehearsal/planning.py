"""The plan of a rehearsal: as many steps as asked for, spread over the five phases."""

from functools import lru_cache

from libs.contracts.migration.plan import ACT, CHECK, WAIT, Plan, Step
from libs.providers.rehearsal.options import Options

PHASES = ("preparing", "replicating", "testing", "cutting_over", "finalising")


@lru_cache(maxsize=64)
def make_plan(options: Options) -> Plan:
    """Derive the plan from the options alone. Cached: the rehearsals of a wave are mostly alike."""
    return Plan(
        provider="rehearsal",
        steps=tuple(_step(number, options) for number in range(1, options.steps + 1)),
        summary=f"Rehearse {options.steps} steps on a simulated machine.",
        notes=("A rehearsal moves nothing.",),
    )


def _step(number: int, options: Options) -> Step:
    phase = PHASES[(number - 1) * len(PHASES) // options.steps]
    kind = _kind(number, options)
    act = kind == ACT
    final = act and options.point_of_no_return and number == options.steps
    return Step(
        name=f"step_{number}",
        phase=phase,
        kind=kind,
        title=f"Simulated {kind} {number} of {options.steps}.",
        compensation=f"Revert simulated act {number}." if act and not final else "",
        point_of_no_return=final,
        chunks=options.chunks if act and phase == "replicating" else 0,
        window=4,
        wait_for="time" if kind == WAIT else "",
        wait_ms=max(1, options.duration_ms) if kind == WAIT else 0,
        backoff_ms=50,
        estimate_ms=options.duration_ms,
    )


def _kind(number: int, options: Options) -> str:
    if options.shape == "acts" or number == options.steps:
        return ACT
    if options.steps >= 4 and number == options.steps - 1:
        return WAIT
    return CHECK if number % 3 == 0 else ACT
