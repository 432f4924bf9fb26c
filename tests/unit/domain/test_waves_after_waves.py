"""Waves that come after others: whenever that is said, what they wait for tells them, and nobody waits for ever (I25)."""

from typing import Any

from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import commands as c
from libs.contracts.wave.plan import WaveSettings
from libs.contracts.wave.state import WaveState
from libs.domain.decider import Command
from libs.domain.history import digest_of, respond
from libs.domain.policies import POLICIES
from libs.domain.policy import consequences
from libs.domain.wave import DECIDER
from libs.domain.wave.views import standing_of
from libs.testing.given_when_then import AGGREGATE, NOW, append, envelope_of
from libs.testing.waves import member, note


class Waves:
    """Waves of one tenant, and the policies between them; what they tell migrations is left aside."""

    def __init__(self) -> None:
        self.states: dict[str, WaveState] = {}
        self._asked = 0

    def tell(self, name: str, body: Any) -> None:
        """Give a command, and carry out everything that follows from it among waves."""
        open_ = [(name, body)]
        while open_:
            name, body = open_.pop(0)
            self._asked += 1
            open_ += self._decided(name, body, f"command-{self._asked}")

    def _decided(self, name: str, body: Any, command_id: str) -> list[tuple[str, Any]]:
        state = self.states.get(name, DECIDER.initial)
        envelope, digest = envelope_of(command_id), digest_of(DECIDER, body)
        events = respond(DECIDER, state, Command(envelope, body), NOW, digest)
        assert CommandRefused not in map(type, events), events
        found: list[tuple[str, Any]] = []
        for event in events:
            state, [recorded] = append(DECIDER, state, envelope, [event], NOW, digest)
            policy = POLICIES.get(type(event))
            for kind, sent, wish in consequences(policy, event, recorded.envelope, state) if policy else ():
                if kind == "wave":
                    found.append((name if sent.aggregate == AGGREGATE else sent.aggregate, _renamed(wish, name)))
        self.states[name] = state
        return found

    def plan(self, name: str, *after: str) -> None:
        """Set its conditions."""
        self.tell(name, c.PlanWave(settings=WaveSettings(after=after)))

    def start(self, name: str, *after: str) -> None:
        """A wave of one member that is started."""
        self.plan(name, *after)
        self.tell(name, c.AddMembers(members=(member(f"{name}-1"), member(f"{name}-2", f"{name}-1"))))
        self.tell(name, c.StartWave())

    def complete(self, name: str) -> None:
        """Every member of it is completed."""
        for migration in (f"{name}-1", f"{name}-2"):
            self.tell(name, note(migration, "completed"))
        assert self.states[name].status == "completed"


def _renamed(wish: Any, name: str) -> Any:
    return c.NoteWave(wave=name, outcome=wish.outcome) if isinstance(wish, c.NoteWave) else wish


def test_a_wave_begins_once_the_one_before_it_is_completed() -> None:
    waves = Waves()
    waves.start("w2", "w1")
    waves.start("w1")
    assert waves.states["w2"].status == "waiting"

    waves.complete("w1")
    assert waves.states["w2"].status == "running"


def test_one_that_comes_after_a_wave_since_a_pause_hears_of_its_end_I25() -> None:
    waves = Waves()
    waves.start("w1")
    waves.start("w2")
    waves.tell("w2", c.PauseWave(reason="first w1"))
    waves.plan("w2", "w1")
    waves.tell("w2", c.ResumeWave())
    assert waves.states["w2"].status == "waiting"

    waves.complete("w1")
    assert waves.states["w2"].status == "running"


def test_a_running_wave_that_comes_after_another_admits_nobody_until_that_is_completed_I24() -> None:
    waves = Waves()
    waves.start("w1")
    waves.start("w2")
    waves.plan("w2", "w1")
    waves.tell("w2", note("w2-1", "completed"))
    assert waves.states["w2"].status == "waiting"
    assert "w2-2" not in _admitted(waves, "w2")

    waves.complete("w1")
    assert waves.states["w2"].status == "running"
    assert "w2-2" in _admitted(waves, "w2")


def test_one_that_did_not_wait_when_the_other_was_completed_has_heard_of_it_I25() -> None:
    waves = Waves()
    waves.start("w1")
    waves.start("w2", "w1")
    waves.tell("w2", c.PauseWave(reason="x"))
    waves.plan("w2")
    waves.complete("w1")
    waves.plan("w2", "w1")

    waves.tell("w2", c.ResumeWave())
    assert waves.states["w2"].status == "running"


def _admitted(waves: Waves, name: str) -> list[str]:
    state = waves.states[name]
    return [migration for migration, stands in standing_of(state) if stands == "admitted"]
