"""A thousand seeded runs of everything that can go wrong (R8): every invariant of docs/invariants.md holds in each."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from libs.contracts.catalogue import EVENT, MESSAGES
from libs.contracts.migration import gates
from libs.testing.simulator.simulation import Simulation
from libs.testing.simulator.trace import lines

SEEDS = int(os.environ.get("WHIMBREL_SIMULATOR_SEEDS", "1000"))
pytestmark = pytest.mark.timeout(max(180, SEEDS // 10))


def test_every_invariant_holds_in_every_seed_R8_R18() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        simulation = Simulation(seed)
        simulation.run()
        seen.update(type(entry.body).__name__ for entry in simulation.log.entries)
        seen.update(simulation.log.ledgers[aggregate].ended_as for aggregate in simulation.aggregates)

    known = {event.__name__ for event in _events_of("migration") if event.__module__ != gates.__name__}
    assert known <= set(seen), f"never happened: {known - set(seen)}"
    assert {"completed", "rolled_back", "cancelled", "rejected"} <= set(seen)


def test_every_invariant_holds_in_every_seed_of_migrations_that_wait_for_others_R8_O22() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        simulation = Simulation(seed, fleet=True, migrations=4)
        simulation.run()
        seen.update(type(entry.body).__name__ for entry in simulation.log.entries)

    known = {event.__name__ for kind in ("migration", "capacity", "wave") for event in _events_of(kind)}
    assert known <= set(seen), f"never happened: {known - set(seen)}"


def test_the_same_seed_gives_the_same_log_X9() -> None:
    logs = []
    for _ in range(2):
        simulation, fleet = Simulation(17), Simulation(17, fleet=True, migrations=4)
        simulation.run()
        fleet.run()
        logs.append((simulation.log.entries, fleet.log.entries))

    assert logs[0] == logs[1]
    assert min(map(len, logs[0])) > 10


def test_a_log_reads_as_lines_for_people() -> None:
    simulation = Simulation(17)
    simulation.run()

    text = list(lines(simulation.log))
    assert len(text) == len(simulation.log.entries)
    assert "MigrationRequested" in text[0]


def test_the_command_says_how_many_seeds_held() -> None:
    done = subprocess.run([sys.executable, "-m", "libs.testing.simulator", "--seeds", "5"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "5 seeds, every invariant held\n")


def _events_of(aggregate: str) -> list[type]:
    return [message.model for message in MESSAGES if (message.role, message.folder) == (EVENT, aggregate)]
