"""A drill is the same for the same seed, has the size that was asked for, and interrupts everything (O17, O22, R1)."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from libs.testing.chaos.chance import Random
from libs.testing.drill.calendars import EPOCH, calendars
from libs.testing.drill.checker.capacities import closed
from libs.testing.drill.checker.findings import LIMITS, Findings
from libs.testing.drill.checker.story import Story, told
from libs.testing.drill.interrupts import KILL, schedule
from libs.testing.drill.plan import Plan
from libs.testing.drill.report import Rehearsed, clean, line
from libs.testing.drill.scenario import scenario
from libs.testing.drill.stage import SERVICES


@pytest.mark.parametrize(("servers", "waves"), [(12, 3), (500, 10), (7, 7)])
def test_a_scenario_has_its_size_and_an_order_that_can_be(servers: int, waves: int) -> None:
    made = scenario(Plan(servers, waves, 0, 7))

    assert made == scenario(Plan(servers, waves, 0, 7)) != scenario(Plan(servers, waves, 0, 8))
    assert (made.servers, len(made.waves)) == (servers, waves)
    assert len({server.migration for wave in made.waves for server in wave.servers}) == servers
    begun: set[str] = set()
    for wave in made.waves:
        assert set(wave.after) <= begun
        begun.add(wave.name)
        seen: set[str] = set()
        for server in wave.servers:
            assert set(server.depends_on) <= seen
            seen.add(server.migration)


def test_what_others_wait_for_is_held_for_a_person() -> None:
    servers = [server for wave in scenario(Plan(500, 10, 0, 7)).waves for server in wave.servers]
    needed = {other for server in servers for other in server.depends_on}

    assert 50 < len(needed) < 450
    assert {server.on_failure for server in servers if server.migration in needed} == {"hold"}
    assert {server.on_failure for server in servers} == {"hold", "rollback"}


def test_every_calendar_opens_and_closes_again_and_again() -> None:
    for calendar in calendars(Random(1)):
        asked = calendar.settings(0)
        settings = {
            "freezes": [_span(one) | {"label": one["label"]} for one in asked["freezes"]],
            "windows": [*map(_span, asked["windows"])],
        }
        states = [bool(closed(settings, second * 1_000_000)) for second in range(600)]

        assert 0.05 < sum(states) / len(states) < 0.5
        assert sum(one != other for one, other in pairwise(states)) > 20


def _span(interval: dict[str, str]) -> dict[str, int]:
    return {name: (datetime.fromisoformat(interval[name]) - EPOCH) // timedelta(microseconds=1) for name in ("begins", "ends")}


def test_interrupts_hit_every_service_and_come_in_every_kind() -> None:
    planned = schedule(7, 100, 500, SERVICES)

    assert planned == schedule(7, 100, 500, SERVICES)
    assert len(planned) == 100
    assert {one.kind for one in planned} == {"kill", "throttle", "fail", "lose"}
    assert {one.target for one in planned if one.kind == KILL} == set(SERVICES)
    assert Counter(one.kind for one in planned)[KILL] > 35
    assert [one.after for one in planned] == sorted(one.after for one in planned)
    assert planned[-1].after > 250


def test_only_a_drill_with_nothing_wrong_and_a_finish_within_its_band_is_clean() -> None:
    found, story = Findings(), Story({}, {}, {})
    good = Rehearsed(p10_s=1.0, p90_s=3.0, hash_stable=True, log_unchanged=True)

    assert clean(line(0, story, found, good, 2.0), found)
    assert not clean(line(0, story, found, good, 4.0), found)
    assert not clean(line(0, story, found, None, 2.0), found)
    assert not clean(line(0, story, found, good._replace(hash_stable=False), 2.0), found)
    assert not clean(line(0, story, found, good._replace(log_unchanged=False), 2.0), found)
    assert not clean(line(0, story, found, good._replace(p90_s=None), 2.0), found)
    assert not clean(line(1, story, found, good, 2.0), found), "a server that the log knows nothing of"
    found.add(LIMITS, "x")
    assert not clean(line(0, told(()), found, good, 2.0), found)
