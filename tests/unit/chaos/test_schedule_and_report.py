"""The nemesis follows its seed, and the report counts as it says."""

import pytest

from libs.testing.chaos.nemesis import KILL, SERVERS, schedule
from libs.testing.chaos.watching import percentile

SERVICES = ("validator-0", "migrator-0")


def test_the_same_seed_gives_the_same_faults() -> None:
    assert schedule(1, 40, SERVICES) == schedule(1, 40, SERVICES)
    assert schedule(1, 40, SERVICES) != schedule(2, 40, SERVICES)


@pytest.mark.parametrize("kills", [0, 1, 2, 3, 12, 40, 500])
def test_as_many_are_killed_as_asked_for_and_servers_come_last(kills: int) -> None:
    killed = [fault.target for fault in schedule(1, kills, SERVICES) if fault.action == KILL]

    assert len(killed) == kills
    servers = [target for target in killed if target in SERVERS]
    assert killed[len(killed) - len(servers) :] == servers
    assert bool(servers) == (kills >= 3)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
    assert percentile([], 0.5) == 0.0
