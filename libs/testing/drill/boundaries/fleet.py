"""A wave of servers brought half-way through its cutover, each somewhere else in its plan, then told to go back."""

import json
from typing import Any

from libs.contracts.capacity import CapacitySettings, SetCapacity
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.wave import commands as w
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.wave.views import standing_of
from libs.testing.aws_move import request_for, seen
from libs.testing.cloud.books import Books
from libs.testing.cloud.chance import Script
from libs.testing.cloud.furniture import furnish
from libs.testing.cloud.leaks import leaks
from libs.testing.cloud.server import REGION
from libs.testing.cloud.world import World
from libs.testing.drill.boundaries.bottle import TENANT, Bottle
from libs.testing.drill.boundaries.crew import Crew
from libs.testing.drill.boundaries.reach import Reach

WAVE, LIMIT = "wave-1", "limit/region"
URL = "http://127.0.0.1:9"
AT_ONCE = Script(initiate_ms=0, sync_ms=0, launch_ms=0, terminate_ms=0, boot_ms=0, snapshot_ms=0, quota=1_000)
"""Nothing takes time: what waits for time is another test's."""
WAITING = 10
"""One of so many members depends on another, and has not begun."""
STEPS = 24
"""Rounds after which the member that began first is completed."""


class Fleet:
    """The cloud and the bottle: everything that outlives a process."""

    def __init__(self, books: Books, bottle: Bottle) -> None:
        self.books, self.bottle = books, bottle
        books.now = lambda: bottle.now
        self.world = World(books, AT_ONCE, REGION)
        self.reach = Reach(self.world, self._tick)

    def _tick(self) -> None:
        self.bottle.now += 1

    def fork(self) -> "Fleet":
        """The same once more."""
        return Fleet(self.books.fork(), self.bottle.fork())

    def crew(self) -> Crew:
        """New processes of the workers, which remember nothing."""
        return Crew(self.reach)

    def end(self) -> dict[str, Any]:
        """What it came to: the cloud, how everybody ended, who still holds a slot."""
        state = self.bottle.state("wave", WAVE)
        statuses = {name: one.status for name, one in self.bottle.of("migration")}
        completed = {f"{TENANT}/{name}" for name, status in statuses.items() if status == "completed"}
        return {
            "cloud": seen(self.world),
            "leaks": leaks(self.world, completed),
            "migrations": statuses,
            "wave": state.status,
            "members": list(standing_of(state)),
            "holders": self.bottle.state("capacity", LIMIT).holders,
        }


def _member(number: int) -> Member:
    depends_on = (f"m{number - 1}",) if number % WAITING == WAITING - 1 else ()
    return Member(migration=f"m{number}", depends_on=depends_on)


async def half_cut_over(members: int) -> Fleet:
    """A wave of so many members that was told to roll back just now: some are completed, some past return, some half-way through an act."""
    fleet = Fleet(Books(1, lambda: 0), Bottle())
    _plan(fleet, members)
    crew = fleet.crew()
    await crew.work(fleet.bottle)
    fleet.bottle.settle()
    begins = {f"m{number}": number * (STEPS + 2) // members for number in range(members)}
    for turn in range(STEPS):
        begun = {name for name, first in begins.items() if first <= turn}
        await crew.work(fleet.bottle, only=begun.__contains__)
        fleet.bottle.settle()
    # The last turn is cut off after a few calls, so that acts are half done.
    await crew.work(fleet.bottle, calls=lambda name: int(name[1:]) % 7, only=lambda name: begins[name] <= STEPS)
    fleet.bottle.settle()
    fleet.bottle.tell("wave", WAVE, w.RollBackWave(reason="the night is over"))
    return fleet


def _plan(fleet: Fleet, members: int) -> None:
    tell = fleet.bottle.tell
    tell("capacity", LIMIT, SetCapacity(settings=CapacitySettings(limit=members)))
    tell("wave", WAVE, w.PlanWave(settings=WaveSettings(limits=(LIMIT,))))
    for number, machine in enumerate(furnish(fleet.world, members, WAVE)):
        asked = request_for(machine, URL, 1, f"m{number}", health=None)
        encoded = [json.dumps(part) for part in (asked.source, asked.target, asked.options)]
        body = Request(provider="aws_mgn", application="a", source=encoded[0], target=encoded[1], options=encoded[2], wave=WAVE)
        tell("migration", f"m{number}", RequestMigration(request=body))
    tell("wave", WAVE, w.AddMembers(members=tuple(_member(number) for number in range(members))))
    tell("wave", WAVE, w.StartWave(reason="go"))
    fleet.bottle.settle()
