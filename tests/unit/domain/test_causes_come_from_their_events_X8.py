"""Whatever happened, what holds a migration up is found again from the events that the answer names, and agrees with the decider (X8)."""

from collections import Counter
from typing import Any

from libs.contracts.migration.state import MigrationState
from libs.domain.holdup import causes, standing
from libs.domain.migration import DECIDER
from libs.domain.migration.archiving import OVER
from libs.domain.migration.gates import ADMISSION, SLOT, of
from libs.rehearse.answering import Entry
from libs.testing.simulator.simulation import Simulation

SEEDS = 200
EVERY = 7
"""An answer is asked for after so many events, and at the end."""


def moments(entries: list[Entry], migration: str) -> list[int]:
    """Lengths of the log at which an answer is asked for: wherever no decision is half told."""
    last = len(entries)
    whole = [n for n in range(1, last) if entries[n].envelope.causation_id != entries[n - 1].envelope.causation_id]
    first = next((n for n, entry in enumerate(entries) if entry.envelope.aggregate == migration and entry.envelope.version), last)
    return [n for n in [*whole[::EVERY], last] if n > first]


def agrees(state: MigrationState, entries: list[Any]) -> None:
    """What stands is what the decider's state says."""
    found = standing(entries)
    assert set(found.work) == {work.work_id for work in state.pending}
    assert (found.end is not None) == (state.mode in OVER)
    assert (found.admission is not None) == (of(state).at == ADMISSION)
    assert (found.slot is not None) == (of(state).at == SLOT)
    assert (found.stopping is not None) == (state.mode == "stopping")
    assert (found.stuck is not None) == (state.mode == "stuck")
    assert (found.wait is not None) == bool(state.awaiting)
    if state.mode == "held" and not found.slot:
        assert found.failed
    if state.mode in ("paused", "running"):
        assert (found.paused is not None) == (state.mode == "paused")


def test_every_answer_comes_from_the_events_it_names_X8_X12() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        simulation = Simulation(seed, fleet=True, migrations=4)
        simulation.run()
        entries = list(simulation.log.entries)
        for migration in simulation.aggregates:
            for length in moments(entries, migration):
                seen.update(ask(entries[:length], migration))

    assert {"ended", "work", "back_off", "stopping", "failed", "rollback_stuck", "paused", "time", "approval", "admission"} <= set(seen)
    assert {"slot_limit", "slot_asked", "slot_granted"} <= set(seen), seen


def ask(entries: list[Entry], migration: str) -> list[str]:
    """Codes of the causes that stand after these events."""
    now = entries[-1].envelope.recorded_at
    own = [entry for entry in entries if entry.envelope.aggregate == migration and entry.envelope.version]
    state = DECIDER.initial
    for entry in own:
        state = DECIDER.evolve(state, entry.body)
    agrees(state, own)
    waits_for = {cause.details.get("capacity") for cause in causes(migration, own, now)}
    known = [entry for entry in entries if entry.envelope.aggregate in {*waits_for, *(f"mig-{n}" for n in range(1, 5))}]
    found = causes(migration, known, now)
    named = {id_ for cause in found for id_ in cause.events}
    assert causes(migration, [entry for entry in known if entry.envelope.event_id in named], now) == found
    return [cause.code for cause in found]
