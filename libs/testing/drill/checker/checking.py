"""All checks together."""

from collections.abc import Iterable

from libs.testing.drill.checker.callbacks import Callback, check_callbacks
from libs.testing.drill.checker.capacities import check_capacities
from libs.testing.drill.checker.findings import STUCK, Findings
from libs.testing.drill.checker.slots import check_slots
from libs.testing.drill.checker.story import Story
from libs.testing.drill.checker.waves import check_waves
from libs.testing.drill.checker.world import World, check_world

WELL = ("MigrationCompleted", "MigrationRolledBack")


def check(story: Story, world: World, callbacks: Iterable[Callback]) -> Findings:
    """Hold everything against everything."""
    found, ends = Findings(), story.ends
    for name, events in story.migrations.items():
        if name not in ends:
            found.add(STUCK, f"{name}: {events[-1].kind} was its last event")
        elif ends[name].kind not in WELL:
            found.add(STUCK, f"{name}: {ends[name].kind}")
    check_capacities(story, found)
    check_slots(story, found)
    check_waves(story, found)
    check_world(story, world, found)
    check_callbacks(story, callbacks, found)
    return found
