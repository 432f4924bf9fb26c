"""`decide`: which decision answers which command, and the `Decider` value of the wave."""

from collections.abc import Callable
from typing import Any

from libs.contracts.wave import commands as c
from libs.contracts.wave.state import WaveState as State
from libs.domain.decider import Context, Decider
from libs.domain.wave import noting, operating
from libs.domain.wave.evolving import evolve

Events = list[Any]
_OPERATIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    c.PlanWave: operating.plan,
    c.AddMembers: operating.add,
    c.StartWave: operating.start,
    c.PauseWave: operating.pause,
    c.ResumeWave: operating.resume,
    c.CancelWave: operating.cancel,
    c.RollBackWave: operating.roll_back,
}
_DECISIONS: dict[type[Any], Callable[[State, Any, Context], Events]] = {
    **_OPERATIONS,
    c.NoteMember: noting.note_member,
    c.NoteWave: noting.note_wave,
    c.ContinueWave: noting.go_on,
}


def decide(state: State, command: Any, ctx: Context) -> Events:
    """Events that answer a command. Raises KeyError for a command that no wave knows."""
    return _DECISIONS[type(command)](state, command, ctx)


DECIDER = Decider(
    aggregate="wave",
    state=State,
    initial=State(),
    decide=decide,
    evolve=evolve,
    client_commands=frozenset(_OPERATIONS),
)
