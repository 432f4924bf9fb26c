"""Decisions on rehearsals of the way back: one that a person records, and one that another migration went through."""

from typing import Any

from libs.contracts.avro import decode_value
from libs.contracts.migration.request import Request
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.migration.way_back import NoteWayBack, RecordWayBack, WayBackRehearsed
from libs.domain.decider import Context
from libs.domain.migration.archiving import OVER
from libs.domain.migration.evolving import NEW, evolve
from libs.domain.migration.lapsing import lapsing
from libs.domain.migration.operating import not_now, refuse

Events = list[Any]


def record(state: State, command: RecordWayBack, ctx: Context) -> Events:
    """A person says how a rehearsal ended."""
    if state.mode in (NEW, *OVER):
        return not_now(state, command, "not ended")
    if not command.evidence:
        return refuse(command, "evidence_missing", "say what was rehearsed, where, and what shows how it ended")
    if not 0 <= command.at <= ctx.now:
        return refuse(command, "invalid_time", "a rehearsal that is recorded has ended: its time must not lie ahead, nor before 1970")
    return _rehearsed(state, command.passed, command.at or ctx.now, "", command.evidence, ctx)


def note(state: State, command: NoteWayBack, ctx: Context) -> Events:
    """A migration that rehearses this one has gone back, or could not. Stale when a later rehearsal is known."""
    if state.mode in (NEW, *OVER) or (state.way_back is not None and state.way_back.at >= command.at):
        return []
    if decode_value(Request, state.request).provider != command.provider:
        return []
    return _rehearsed(state, command.passed, command.at, command.by, command.reason, ctx)


def _rehearsed(state: State, passed: bool, at: int, by: str, reason: str, ctx: Context) -> Events:
    event = WayBackRehearsed(
        passed=passed, at=at, rehearsed_by=by, reason=reason, event_id=ctx.event_id(0), evidence_version=ctx.version + 1
    )
    return [event, *lapsing(evolve(state, event), ctx.now)]
