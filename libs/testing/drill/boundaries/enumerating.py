"""Every boundary of a rollback: what the uninterrupted run passes, a crash at each of it, and what differs at the end."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from libs.testing.drill.boundaries.crew import Allowance, Round, any_number
from libs.testing.drill.boundaries.fleet import Fleet, half_cut_over

MOST_ROUNDS = 1_000
CALL, STEP, REPORT, COMMIT = "call", "step", "report", "commit"


class Crash(NamedTuple):
    """Where a process dies, in a round.

    call: the workers, after `number` calls of everything in flight. step: the worker of `member` alone, once its step is done and before it says so.
    report: the workers, once everything is done and reported and nothing is decided yet. commit: the validator, with batch `number`
    decided and not committed.
    """

    what: str
    round: int
    number: int = 0
    member: str = ""


class Passed(NamedTuple):
    """A round of the uninterrupted run: everything as it was before, what was done, and the batches in it."""

    before: Fleet
    done: Round
    batches: range


class Result(NamedTuple):
    """How many boundaries there were of each kind, how much work there was, and where the end differed."""

    boundaries: dict[str, int]
    items: int
    end: dict[str, Any]
    differing: list[str]


async def rolled_back(fleet: Fleet, crash: Crash | None, passed: Callable[[Passed], object] = lambda _: None) -> dict[str, Any]:
    """Go on until everything has come to rest; the end."""
    crew = fleet.crew()
    dies_at = crash.number if crash and crash.what == COMMIT else -1
    for turn in range(MOST_ROUNDS):
        before, batches = fleet.fork(), fleet.bottle.batches
        fleet.bottle.settle(dies_at)
        hit = crash if crash is not None and turn == 0 else None
        if crew.halt(fleet.bottle):
            fleet.bottle.settle(dies_at)
        done = await crew.work(fleet.bottle, calls=_allowance(hit))
        if hit and hit.what != COMMIT:
            crew = fleet.crew()
        if hit and hit.what == REPORT:
            await crew.work(fleet.bottle)
        fleet.bottle.settle(dies_at)
        passed(Passed(before, done, range(batches, fleet.bottle.batches)))
        if not done.items and not fleet.bottle.queue and not fleet.bottle.wait():
            return fleet.end()
    raise AssertionError(f"no rest after {MOST_ROUNDS} rounds")


def _allowance(crash: Crash | None) -> Allowance:
    if crash is None or crash.what not in (CALL, STEP):
        return any_number
    return lambda migration: crash.number if crash.member in ("", migration) else None


def crashes(rounds: list[Passed]) -> Iterator[tuple[Fleet, Crash]]:
    """Every crash, with everything as it was at the beginning of its round."""
    for number, one in enumerate(rounds):
        yield from ((one.before, Crash(CALL, number, calls)) for calls in range(one.done.calls + 1))
        yield from ((one.before, Crash(STEP, number, made, member)) for member, made in one.done.items)
        if one.done.items:
            yield one.before, Crash(REPORT, number)
        yield from ((one.before, Crash(COMMIT, number, batch)) for batch in one.batches)


async def enumerate_all(members: int, say: Callable[[str], object] = lambda _: None) -> Result:
    """Crash at every boundary of the rollback of a wave of so many members, one run each."""
    rounds: list[Passed] = []
    end = await rolled_back(await half_cut_over(members), None, rounds.append)
    counts, differing = dict.fromkeys((CALL, STEP, REPORT, COMMIT), 0), list[str]()
    for before, crash in crashes(rounds):
        counts[crash.what] += 1
        found = await rolled_back(before.fork(), crash)
        if found != end:
            differing.append(f"{crash}: {[name for name in end if found[name] != end[name]]}")
        if sum(counts.values()) % 50 == 0:
            say(f"{sum(counts.values())} boundaries, {len(differing)} with another end")
    return Result(counts, sum(len(one.done.items) for one in rounds), end, differing)
