"""What becomes of a migration that has ended: after a while it leaves live state, and a headstone stays.

The headstone is a state like any other, so that a late repeat of the request finds it and the history goes on from it. Of what
a migration was it holds nothing but that there was one; `libs.domain.history.seal` leaves of its stream version, chain head and
the key of its first command. The history itself stays on the log.
"""

from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import events as e
from libs.contracts.migration.state import MigrationState as State
from libs.domain.decider import Context

Events = list[Any]
ENDED, ARCHIVED = "ended", "archived"
OVER = (ENDED, ARCHIVED)
"""Modes in which nothing moves a migration any more."""
RETENTION_S = 30 * 86_400
"""How long a migration stays in live state after its end, where its request says nothing else."""
LONGEST_RETENTION_S = 3_650 * 86_400
ENDS = frozenset({e.MigrationCompleted, e.MigrationRolledBack, e.MigrationCancelled, e.MigrationRejected})
_HEADSTONE = State(mode=ARCHIVED, status=ARCHIVED, on_failure="")


def dated(state: State, events: Events, ctx: Context) -> Events:
    """The events of a decision whose last one ends the migration, with the time at which it is archived."""
    archive_at = ctx.now + (state.retention_seconds or RETENTION_S) * 1_000_000
    return [*events[:-1], replace(events[-1], archive_at=archive_at)]


def archive(state: State) -> Events:
    """Its time in live state is over."""
    return [e.MigrationArchived(ended_as=state.status)]


def headstone(state: State, event: e.MigrationArchived) -> State:
    """What stays of it in live state. Whoever folds puts the sealed stream into it."""
    return _HEADSTONE
