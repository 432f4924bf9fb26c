"""What holds of production holds of a rehearsal: its events pass the same ledgers, and no grant breaks a limit, rate or calendar (X3, O22)."""

import pytest

from libs.contracts.capacity import CapacitySet, CapacitySettings, Freeze, Interval, SlotGranted
from libs.contracts.wave.plan import Member
from libs.rehearse.answering import Answer, Entry, Sent
from libs.rehearse.fork import narrowed
from libs.rehearse.history import AGAIN, DEAD, OK, Attempt, History, Key, Learner
from libs.rehearse.what_if import read
from libs.rehearse.world import Case, World
from libs.testing.migrations import act, check, final
from libs.testing.rehearsals import NOW, SECOND, Live
from libs.testing.simulator.chance import Chance
from libs.testing.simulator.fleet import FleetLedger
from libs.testing.simulator.invariants import Ledger

MINUTE, MINUTE_US = 60, 60 * SECOND
LIMITS = ("calendar/prod", "limit/host", "rate/starts")


class Watched(World):
    """A run whose events are kept."""

    def __init__(self, case: Case, number: int) -> None:
        super().__init__(case, number)
        self.entries: list[tuple[str, Entry]] = []

    def deliver(self, sent: Sent) -> Answer:
        answered = super().deliver(sent)
        self.entries += [(sent.kind, entry) for entry, _ in answered.events]
        return answered


def rough(chance: Chance) -> History:
    """Steps of very different lengths, many of which fail, some for good; answers that come late."""
    learner = Learner()
    for direction in ("apply", "check", "undo"):
        for number in range(60):
            failed = (Attempt(chance.between(1, 49) * SECOND, AGAIN),) * chance.pick((0, 0, 1, 2))
            end = Attempt(chance.between(1, 299) * SECOND, DEAD if direction != "undo" and chance.happens(0.08) else OK)
            learner.course(Key("rehearsal", "", direction), NOW - number, (*failed, end))
    for number in range(60):
        learner.course(Key("", "", "lag"), NOW - number, (Attempt(chance.between(0, 2 * SECOND), OK),))
        learner.course(Key("", "", "wake"), NOW - number, (Attempt(chance.between(0, 1 * SECOND), OK),))
    return learner.history()


def settings(chance: Chance) -> dict[str, CapacitySettings]:
    def spans(count: int, longest: int) -> list[tuple[int, int]]:
        begins = [NOW + chance.between(0, 89) * MINUTE_US for _ in range(count)]
        return [(begin, begin + chance.between(1, longest - 1) * MINUTE_US) for begin in begins]

    open_ = [Interval(begins=a, ends=b) for a, b in [*spans(3, 30), (NOW + 100 * MINUTE_US, NOW + 1_000_000 * MINUTE_US)]]
    frozen = [Freeze(begins=a, ends=b, label="a freeze") for a, b in spans(2, 20)]
    calendar = CapacitySettings(
        windows=tuple(open_) if chance.happens(0.5) else (),
        freezes=tuple(frozen),
        lockout_ms=chance.pick((0, 60_000)),
        on_close=chance.pick(("pause", "finish")),
    )
    return dict(zip(LIMITS, (calendar, CapacitySettings(limit=chance.between(1, 4)), CapacitySettings(per_minute=3)), strict=True))


def story(seed: int) -> tuple[Live, Watched]:
    """A wave of 25 with dependencies in the middle of which it is forked at nothing more than its plan, and its run."""
    chance = Chance(seed)
    live = Live()
    for name, allowed in settings(chance).items():
        live.capacity(name, **{field: getattr(allowed, field) for field in allowed.__struct_fields__})
    members = []
    for number in range(25):
        depends_on = tuple(f"w-{chance.between(0, number - 1)}" for _ in range(chance.pick((0, 0, 1, 2))) if number)
        limits = tuple(name for name in LIMITS if chance.happens(0.6))
        last = final("finish") if chance.happens(0.3) else act("finish")
        live.migration(f"w-{number}", act("copy"), check("look"), last, wave="w", depends_on=depends_on, limits=limits)
        members.append(Member(migration=f"w-{number}", depends_on=depends_on))
    live.wave("w", *members, max_failures=25, max_running=chance.pick((0, 6)))
    change = {"at": "+10m", "aggregate": "capacity", "id": "limit/host", "command": "SetCapacity", "body": {"settings": {"limit": 1}}}
    what_if = read({"commands": [change], "people": {"retry_s": 120, "resume_s": 60}}, NOW)
    fork = narrowed(live.fork(rough(chance)), [("wave", "w"), ("capacity", "limit/host")])
    return live, Watched(Case(fork, ("w",), what_if, seed), 0)


def grants(entries: list[tuple[str, Entry]]) -> dict[str, list[tuple[int, CapacitySettings]]]:
    """When each capacity granted a slot, and what it allowed then."""
    allowed: dict[str, CapacitySettings] = {}
    found: dict[str, list[tuple[int, CapacitySettings]]] = {}
    for _, (envelope, body) in entries:
        if isinstance(body, CapacitySet):
            allowed[envelope.aggregate] = body.settings
        elif isinstance(body, SlotGranted):
            found.setdefault(envelope.aggregate, []).append((envelope.recorded_at, allowed[envelope.aggregate]))
    return found


@pytest.mark.parametrize("seed", range(30))
def test_every_invariant_holds_X3(seed: int) -> None:
    live, world = story(seed)
    outcome = world.run()
    entries = [*live.entries, *world.entries]
    fleet, ledgers = FleetLedger(), dict[str, Ledger]()

    for kind, (envelope, body) in entries:
        fleet.take(envelope, body)
        if kind == "migration":
            ledgers.setdefault(envelope.aggregate, Ledger()).take(envelope, body, envelope.event_id.encode())

    assert not outcome.truncated
    assert all(ledger.ended for name, ledger in ledgers.items() if name not in outcome.resting)
    granted = grants(entries)
    for moment, allowed in granted.get("calendar/prod", []):
        assert not any(freeze.begins <= moment < freeze.ends for freeze in allowed.freezes)
        assert not allowed.windows or any(window.begins <= moment < window.ends for window in allowed.windows)
    starts = [moment for moment, _ in granted.get("rate/starts", [])]
    assert all(later - first >= MINUTE_US for first, later in zip(starts, starts[3:], strict=False))
    assert any(granted.values())


def test_much_of_what_can_happen_does_happen_X3() -> None:
    seen: set[str] = set()
    for seed in range(30):
        _, world = story(seed)
        world.run()
        seen |= {type(entry.body).__name__ for _, entry in world.entries}

    assert {"SlotQueued", "SlotRevoked", "SlotLost", "MigrationPaused", "MigrationResumed", "AttemptFailed", "StepFailed"} <= seen
    assert {"RollbackStarted", "MigrationRolledBack", "MigrationCompleted", "RetryRequested", "CapacitySet"} <= seen
