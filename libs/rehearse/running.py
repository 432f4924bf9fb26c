"""Runs, here or in several processes: which of both changes nothing in what comes out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from libs.rehearse.outcome import Outcome
from libs.rehearse.world import Case, World

MOST_RUNS, FEWEST_RUNS = 10_000, 10
_MEMBERS_IN_ALL = 50_000


def usual_runs(members: int) -> int:
    """How many runs a rehearsal of so many members has when nobody says: 100, fewer with more than 500 members, at least 10."""
    return max(FEWEST_RUNS, min(100, _MEMBERS_IN_ALL // max(1, members)))


def runs_of(case: Case, runs: int, processes: int, told: Callable[[int], None]) -> list[Outcome]:
    """Every run of a case. `told` is called with the number of runs done. Raises CannotStart, BadWhatIf."""
    found: list[Outcome] = []
    for outcome in _each(case, runs, processes):
        found.append(outcome)
        told(len(found))
    return found


def _each(case: Case, runs: int, processes: int) -> Iterator[Outcome]:
    if processes <= 1 or runs < 2 * processes:
        yield from (World(case, number).run() for number in range(runs))
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _remember, (case,)) as pool:
        yield from pool.map(_run, range(runs), chunksize=1)


_case: list[Case] = []


def _remember(case: Case) -> None:
    _case[:] = [case]


def _run(number: int) -> Outcome:
    return World(_case[0], number).run()
