"""Whether there is what a what-if names: a step that nobody takes, or a capacity that nobody needs, would change nothing unnoticed."""

from collections.abc import Iterator

from libs.contracts.work import APPLY, CHECK, PLAN, UNDO
from libs.domain.migration.evolving import plan_from
from libs.rehearse.fork import CAPACITY, MIGRATION, WAVE_KIND, Fork
from libs.rehearse.what_if import BadWhatIf, WhatIf, touched

_WORK = (APPLY, CHECK, UNDO, PLAN)
_SHOWN = 20


def check(fork: Fork, what_if: WhatIf) -> None:
    """Raises BadWhatIf for the first name that nothing at this fork goes by."""
    factors = what_if.factors
    if factors.durations or factors.failures:
        steps = {name for provider, step in _steps(fork) for name in (step, f"{provider}/{step}")}
        for part, named in (("durations", factors.durations), ("failures", factors.failures)):
            for name in named:
                if name != "*" and name not in steps:
                    raise BadWhatIf(f"{part}.{name} names no step there is; known are {_first(steps)}")
    freezes = [one.aggregate for one in what_if.commands if one.freezes]
    if freezes:
        other = what_if._replace(commands=tuple(one for one in what_if.commands if not one.freezes))
        known = {*_capacities(fork), *(name for kind, name in touched(other) if kind == CAPACITY)}
        for number, name in enumerate(freezes):
            if name not in known:
                raise BadWhatIf(f"freezes[{number}].capacity is {name!r}, which nobody needs; known are {_first(known)}")


def _first(names: set[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more


def _steps(fork: Fork) -> Iterator[tuple[str, str]]:
    """Provider and name of each step: of plans, and of history."""
    for key in fork.history.samples:
        if key.step and key.direction in _WORK:
            yield key.provider, key.step
    plans = {state.plan for (kind, _), state in fork.states.items() if kind == MIGRATION and state.plan}
    for plan in (*fork.history.plans.values(), *map(plan_from, plans)):
        yield plan.provider, PLAN
        yield from ((plan.provider, step.name) for step in plan.steps)


def _capacities(fork: Fork) -> Iterator[str]:
    """Capacities that were set, or that somebody needs."""
    for (kind, name), state in fork.states.items():
        if kind == CAPACITY:
            yield name
        elif kind == MIGRATION and state.gates is not None:
            yield from state.gates.limits
        elif kind == WAVE_KIND:
            yield from state.settings.limits
