"""Decisions on what people ask of a wave: plan, add members, start, pause, resume, cancel, roll back."""

from typing import Any

from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import WaveSettings
from libs.contracts.wave.state import WaveState as State
from libs.domain.decider import Context
from libs.domain.wave import members as m
from libs.domain.wave.carrying_on import settled
from libs.domain.wave.evolving import (
    MOST_ROSTER_BYTES,
    PAUSED,
    PLANNED,
    ROLL_BACK,
    ROLLED_BACK,
    ROLLING_BACK,
    RUNNING,
    STARTED,
    STOPPED,
    TARGETS,
    WAITING,
    waits_for,
)
from libs.domain.wave.graph import Graph, graph_of, page_of, whole

Events = list[Any]
MOST_MEMBERS, MOST_IN_PAGE, MOST_DEPENDENCIES = 10_000, 1_000, 100
MOST_LIMITS, MOST_BEFORE = 32, 20
_SHOWN = 5


def refuse(command: Any, code: str, message: str) -> Events:
    """Answer a client's command that cannot be carried out."""
    return [CommandRefused(command=type(command).__name__, code=code, message=message)]


def _not_now(state: State, command: Any, *allowed: str) -> Events:
    if not state.status:
        return refuse(command, "not_found", "there is no such wave; plan it first")
    words = " or ".join(word.replace("_", " ") for word in allowed)
    return refuse(command, "not_possible_now", f"the wave is {state.status.replace('_', ' ')}; this is possible only while it is {words}")


def plan(state: State, command: c.PlanWave, ctx: Context) -> Events:
    """Set the conditions; while it runs, they hold for what is admitted from now on."""
    if state.status not in ("", PLANNED, *STARTED):
        return _not_now(state, command, "planned", "under way")
    flaw = settings_flaw(command.settings, ctx.aggregate)
    return refuse(command, "invalid_settings", flaw) if flaw else settled(state, [e.WavePlanned(settings=command.settings)])


def settings_flaw(settings: WaveSettings, name: str) -> str:
    """What is wrong with the conditions of a wave of this name; empty when nothing is."""
    for field, value, most in (("limits", settings.limits, MOST_LIMITS), ("after", settings.after, MOST_BEFORE)):
        if len(value) > most or "" in value or len(set(value)) < len(value):
            return f"{field} holds {len(value)} names; give at most {most}, each once and none empty"
    for field, number in (("max_failures", settings.max_failures), ("max_running", settings.max_running)):
        if number < 0:
            return f"{field} is {number}; give 0 or more"
    return f"after names {name}, the wave itself; leave it out" if name in settings.after else ""


def add(state: State, command: c.AddMembers, ctx: Context) -> Events:
    """Add members, or say anew what members depend on that were not admitted yet."""
    if state.status not in (PLANNED, *STARTED):
        return _not_now(state, command, "planned", "under way")
    flaw = _page_flaw(state, command)
    if flaw:
        return refuse(command, "invalid_members", flaw)
    graph = graph_of((*state.pages, page_of(command.members)))
    size = sum(map(len, state.pages)) + len(page_of(command.members))
    size = len(whole(graph)) if size > MOST_ROSTER_BYTES else size
    if len(graph.ids) > MOST_MEMBERS or size > MOST_ROSTER_BYTES:
        full = f"it would have {len(graph.ids):,} members in {size:,} bytes; {MOST_MEMBERS:,} and {MOST_ROSTER_BYTES:,} are possible"
        return refuse(command, "wave_full", f"{full}; plan another wave that comes after this one")
    flaw = "" if state.status == PLANNED else graph_flaw(graph, state.settings)
    return refuse(command, "invalid_dependencies", flaw) if flaw else settled(state, [e.MembersAdded(members=command.members)])


def _page_flaw(state: State, command: c.AddMembers) -> str:
    members = command.members
    if not 0 < len(members) <= MOST_IN_PAGE:
        return f"members holds {len(members)}; give 1 to {MOST_IN_PAGE:,} at a time"
    if len({member.migration for member in members}) < len(members):
        return "members names a migration twice; name each once"
    index = graph_of(state.pages).index
    for member in members:
        if not member.migration or member.migration in member.depends_on or len(member.depends_on) > MOST_DEPENDENCIES:
            return f"member {member.migration!r} has an empty id, depends on itself, or on more than {MOST_DEPENDENCIES} others; mend that"
        if member.migration in index and state.members[index[member.migration]] not in m.NOT_ADMITTED:
            name = m.NAMES[state.members[index[member.migration]]]
            return f"member {member.migration} is {name.replace('_', ' ')} already; only what was not admitted yet can be changed"
    return ""


def graph_flaw(graph: Graph, settings: WaveSettings) -> str:
    """Why the members cannot be put in an order, naming them; empty when they can."""
    if not graph.ids:
        return "the wave has no members; add some"
    if not settings.after:
        unknown = [f"{member} on {other}" for member, other in graph.outside()]
        if unknown:
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            return (
                f"members depend on what is not in the wave: {', '.join(unknown[:_SHOWN])}{more}; "
                "add it, or let the wave come after the one that moves it"
            )
    if graph.cycle:
        shown = [*graph.cycle[:20], *(["..."] if len(graph.cycle) > 20 else [])]
        return f"each of these depends on the next, and the last on the first: {', '.join(shown)}; take one dependency away"
    return ""


def start(state: State, command: c.StartWave, ctx: Context) -> Events:
    """Admit members from now on, or once the waves before it are completed."""
    if state.status != PLANNED:
        return _not_now(state, command, "planned")
    graph = graph_of(state.pages)
    flaw = graph_flaw(graph, state.settings)
    if flaw:
        return refuse(command, "invalid_dependencies" if graph.ids else "no_members", flaw)
    return settled(state, [e.WaveStarted(members=len(graph.ids), waits_for=waits_for(state), reason=command.reason)])


def pause(state: State, command: c.PauseWave, ctx: Context) -> Events:
    """Admit nobody, and pause those on their way."""
    if state.status not in (RUNNING, WAITING, STOPPED):
        return _not_now(state, command, "running", "waiting", "stopped")
    return settled(state, [e.WavePaused(reason=command.reason)])


def resume(state: State, command: c.ResumeWave, ctx: Context) -> Events:
    """Go on; what failed so far is accepted."""
    if state.status not in (PAUSED, STOPPED):
        return _not_now(state, command, "paused", "stopped")
    return settled(state, [e.WaveResumed(reason=command.reason)])


def cancel(state: State, command: c.CancelWave, ctx: Context) -> Events:
    """End it, and cancel every member that has not ended."""
    if state.status not in (PLANNED, *STARTED, ROLLING_BACK, ROLLED_BACK):
        return _not_now(state, command, "not ended")
    return settled(state, [e.WaveCancelled(reason=command.reason)])


def roll_back(state: State, command: c.RollBackWave, ctx: Context) -> Events:
    """Roll back those on their way. What is completed stays, so none of them depends on another, and any order is right."""
    if state.status not in STARTED:
        return _not_now(state, command, "running", "waiting", "paused", "stopped")
    members = m.count(state.members, TARGETS[ROLL_BACK])
    return settled(state, [e.WaveRollbackStarted(reason=command.reason, members=members)])
