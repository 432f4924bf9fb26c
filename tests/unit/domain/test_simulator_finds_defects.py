"""The simulator is worth its name only if it finds defects: each is planted once, and found by the invariant it breaks."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts import envelope
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.rewinding import RewindOverruled
from libs.domain import history
from libs.domain.capacity import deciding as capacity_deciding
from libs.domain.capacity import granting
from libs.domain.migration import (
    approving,
    archiving,
    deciding,
    dispatching,
    evolving,
    going_back,
    going_forward,
    lapsing,
    operating,
    passing,
)
from libs.domain.policies import POLICIES
from libs.domain.wave import carrying_on, noting
from libs.domain.wave import evolving as wave_evolving
from libs.rehearse import answering
from libs.testing.simulator import __main__ as command
from libs.testing.simulator import simulation, workers, world
from libs.testing.simulator.invariants import Violation
from libs.testing.simulator.simulation import Simulation

SEEDS = 1_000
Patch = pytest.MonkeyPatch


def found(seeds: int = SEEDS, *, fleet: bool = False) -> str:
    """Number of the first invariant that breaks; empty when none does."""
    for seed in range(seeds):
        try:
            Simulation(seed, fleet=fleet, migrations=4 if fleet else 2).run()
        except Violation as violation:
            return violation.invariant
    return ""


def plant(patch: Patch, table: dict[type[Any], Any], key: type[Any], value: Any) -> None:
    patch.setitem(table, key, value)


def undo_in_forward_order(patch: Patch) -> None:
    compensable = going_back.compensable
    patch.setattr(going_back, "compensable", lambda plan, upto, downto: compensable(plan, upto, downto)[::-1])


def undo_under_the_old_fence(patch: Patch) -> None:
    work_for = dispatching.work_for
    patch.setattr(going_back, "work_for", lambda *args, fence, **rest: work_for(*args, fence=fence - 1, **rest))


def retry_under_the_old_fence(patch: Patch) -> None:
    for module in (going_forward, going_back):
        next_attempt = module.next_attempt
        patch.setattr(module, "next_attempt", lambda work, step, ctx, fence, then=next_attempt: then(work, step, ctx, fence - 1))


def stale_reports_accepted(patch: Patch) -> None:
    patch.setattr(deciding, "pending", lambda state, work_id, attempt: next((w for w in state.pending if w.work_id == work_id), None))


def undo_before_all_is_at_rest(patch: Patch) -> None:
    at_rest = going_back._when_at_rest
    patch.setattr(going_back, "_when_at_rest", lambda state, ctx: at_rest(replace(state, pending=()), ctx))


def undo_of_what_was_never_dispatched(patch: Patch) -> None:
    compensable = going_back.compensable
    patch.setattr(going_back, "compensable", lambda plan, upto, downto: compensable(plan, min(upto + 1, len(plan.steps) - 1), downto))


def back_across_the_point_of_no_return(patch: Patch) -> None:
    change = evolving._CHANGES[e.WorkDispatched]
    plant(patch, evolving._CHANGES, e.WorkDispatched, lambda state, event: replace(change(state, event), crossed=False))


def a_window_one_too_wide(patch: Patch) -> None:
    more = going_forward._more_chunks
    patch.setattr(going_forward, "_more_chunks", lambda state, step, in_flight, ctx: more(state, step, in_flight - 1, ctx))


def a_skipped_effect_applied_again(patch: Patch) -> None:
    def skipped(state: Any, event: Any) -> Any:
        return replace(state, mode="rolling_back", dispatched=event.step - 1, failed=(), skipped=state.skipped + 1)

    plant(patch, evolving._CHANGES, e.CompensationSkipped, skipped)


def a_retry_that_cannot_be_overruled(patch: Patch) -> None:
    plant(patch, evolving._CHANGES, RewindOverruled, lambda state, event: state)


def a_round_begun_before_the_undo(patch: Patch) -> None:
    def eager(state: Any, ctx: Any) -> Any:
        plan = evolving.plan_from(state.plan)
        return going_back._arrive(state, plan, ctx) if state.intent == "retry" else undo_next(state, ctx)

    undo_next = going_back.undo_next
    patch.setattr(going_back, "undo_next", eager)


def commands_answered_twice(patch: Patch) -> None:
    patch.setattr(answering, "respond", lambda decider, state, command, now, digest: history.respond(decider, state, command, now, b""))


def a_pause_that_swallows_the_command(patch: Patch) -> None:
    plant(patch, deciding._DECISIONS, c.PauseMigration, lambda state, command, ctx: [])


def a_step_skipped(patch: Patch) -> None:
    begin = dispatching.begin
    patch.setattr(going_forward, "begin", lambda plan, index, ctx, **rest: begin(plan, index + (index == 2), ctx, **rest))


def work_left_in_an_ended_state(patch: Patch) -> None:
    patch.setattr(evolving, "_end", lambda state, status, at: replace(state, mode="ended", status=status, wake_at=at))


def a_wait_that_forgets_to_ask_for_its_wake(patch: Patch) -> None:
    change = evolving._CHANGES[e.WaitStarted]
    plant(patch, evolving._CHANGES, e.WaitStarted, lambda state, event: replace(change(state, event), wake_at=0))


def a_version_left_out(patch: Patch) -> None:
    follow = envelope.follow
    patch.setattr(answering, "follow", lambda cause, *, version, **rest: follow(cause, version=version + (version > 5), **rest))


def a_world_without_fences(patch: Patch) -> None:
    touch = world.World.touch
    patch.setattr(world.World, "touch", lambda self, plan, work: touch(self, plan, replace(work, fence=1 << 40)))


def a_world_whose_chunks_fence_each_other(patch: Patch) -> None:
    def touch(self: world.World, plan: Any, work: Any) -> bool:
        if work.fence < max(self._seen.values(), default=0):
            return False
        return whole(self, plan, work)

    whole = world.World.touch
    patch.setattr(world.World, "touch", touch)


def an_undo_that_does_nothing(patch: Patch) -> None:
    effect = workers.Worker.effect
    patch.setattr(workers.Worker, "effect", lambda self, name, work: work.direction == "undo" or effect(self, name, work))


def an_ended_migration_that_is_paused(patch: Patch) -> None:
    pause = operating.pause

    def whenever(state: Any, command: Any, ctx: Any) -> Any:
        return [e.MigrationPaused(reason=command.reason)] if state.mode == "ended" else pause(state, command, ctx)

    plant(patch, deciding._DECISIONS, c.PauseMigration, whenever)


def failed_work_never_forgotten(patch: Patch) -> None:
    change = evolving._CHANGES[e.WorkDispatched]
    plant(patch, evolving._CHANGES, e.WorkDispatched, lambda state, event: replace(change(state, event), failed=state.failed))


def an_act_without_effect(patch: Patch) -> None:
    effect = workers.Worker.effect
    patch.setattr(workers.Worker, "effect", lambda self, name, work: work.direction == "apply" or effect(self, name, work))


def a_first_step_without_slots(patch: Patch) -> None:
    patch.setattr(going_forward, "first_gate", lambda state: [])
    planned = going_forward.plan_reported

    def eager(state: Any, report: Any, ctx: Any) -> Any:
        events = planned(state, report, ctx)
        begun = dispatching.begin(report.plan, 0, ctx, round_=state.round, fence=state.fence)
        return [*events, *begun] if [type(event) for event in events] == [e.MigrationPlanned] else events

    plant(patch, deciding._DECISIONS, c.ReportPlan, eager)


def answers_to_withdrawn_questions_accepted(patch: Patch) -> None:
    take = passing.take
    plant(
        patch,
        deciding._DECISIONS,
        g.TakeSlot,
        lambda state, command, ctx: take(state, replace(command, turn=state.gates.turn if state.gates else 0), ctx),
    )


def resumed_without_slots(patch: Patch) -> None:
    resume = operating.resume
    plant(patch, deciding._DECISIONS, c.ResumeMigration, lambda state, command, ctx: resume(replace(state, gates=None), command, ctx))


def slots_kept_for_ever(patch: Patch) -> None:
    patch.setattr(passing, "_ENDS", ())


def slots_given_back_in_words_only(patch: Patch) -> None:
    silent = {kind: policy for kind, policy in POLICIES.items() if kind is not g.SlotsReleased}
    patch.setattr(simulation, "POLICIES", silent)


def a_first_yes_that_is_enough(patch: Patch) -> None:
    patch.setattr(approving, "missing", lambda gate: 1 - len(gate.given[:1]))


def a_person_who_counts_twice(patch: Patch) -> None:
    patch.setattr(approving, "_repeated", lambda gate, command, ctx: None)


def a_gate_that_never_closes(patch: Patch) -> None:
    for module in (approving, lapsing):
        patch.setattr(module, "closed", lambda known, terms, now: None)


def approvals_that_outlive_their_time(patch: Patch) -> None:
    for module in (approving, going_forward):
        patch.setattr(module, "lapsing", lambda state, now: [])


def a_limit_one_too_high(patch: Patch) -> None:
    free = granting.free
    for module in (granting, capacity_deciding):
        patch.setattr(module, "free", lambda state, now: free(replace(state, held=max(0, state.held - 1)), now))


def members_in_no_order(patch: Patch) -> None:
    patch.setattr(wave_evolving, "_settled", lambda graph, letters: (letters.replace(b"p", b"r"), b"\xc8" * len(letters)))


def one_more_on_its_way_than_may_be(patch: Patch) -> None:
    admissions = carrying_on.admissions

    def crowded(state: Any) -> Any:
        most = state.settings.max_running
        return admissions(replace(state, settings=replace(state.settings, max_running=most + bool(most))))

    patch.setattr(carrying_on, "admissions", crowded)


def a_pause_that_admits(patch: Patch) -> None:
    patch.setattr(carrying_on, "RUNNING", "paused")


def an_admission_lost_on_the_way(patch: Patch) -> None:
    answer = noting._answer
    patch.setattr(noting, "_answer", lambda state, command: [] if command.outcome == "waiting" else answer(state, command))


def strangers_forgotten(patch: Patch) -> None:
    patch.setattr(noting, "_stranger", lambda state, command: [])


def an_end_that_is_not_told(patch: Patch) -> None:
    silent = {kind: policy for kind, policy in POLICIES.items() if kind is not e.MigrationCancelled}
    patch.setattr(simulation, "POLICIES", silent)


def a_dependency_that_is_not_declared(patch: Patch) -> None:
    admit = passing.admit
    after = tuple(f"mig-{number}" for number in range(9))
    plant(patch, deciding._DECISIONS, g.AdmitMigration, lambda state, command, ctx: admit(state, replace(command, after=after), ctx))


def a_headstone_that_keeps_everything(patch: Patch) -> None:
    plant(patch, evolving._CHANGES, e.MigrationArchived, lambda state, event: replace(state, mode="archived", wake_at=0))


def archived_long_before_its_time(patch: Patch) -> None:
    change = evolving._CHANGES[e.MigrationCompleted]
    plant(patch, evolving._CHANGES, e.MigrationCompleted, lambda state, event: replace(change(state, event), wake_at=event.archive_at - 1))


def an_end_that_is_never_archived(patch: Patch) -> None:
    patch.setattr(archiving, "dated", lambda state, events, ctx: events)


@pytest.mark.parametrize(
    ("defect", "invariants"),
    [
        (members_in_no_order, "I23"),
        (one_more_on_its_way_than_may_be, "I24"),
        (a_pause_that_admits, "I18 I24"),
        (an_admission_lost_on_the_way, "I18 I25"),
        (strangers_forgotten, "I18 I25"),
        (an_end_that_is_not_told, "I18 I25"),
        (a_dependency_that_is_not_declared, "I23"),
        (a_first_step_without_slots, "I20"),
        (answers_to_withdrawn_questions_accepted, "I20"),
        (resumed_without_slots, "I20"),
        (slots_kept_for_ever, "I21"),
        (slots_given_back_in_words_only, "I18 I21"),
        (a_limit_one_too_high, "I22"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_planted_defect_among_migrations_that_wait_for_others_is_found_R8(
    defect: Callable[[Patch], None], invariants: str, monkeypatch: Patch
) -> None:
    defect(monkeypatch)

    assert found(fleet=True) in invariants.split()


@pytest.mark.parametrize(
    ("defect", "invariants"),
    [
        (undo_in_forward_order, "I2"),
        (undo_under_the_old_fence, "I6"),
        (retry_under_the_old_fence, "I6"),
        (stale_reports_accepted, "I5"),
        (undo_before_all_is_at_rest, "I2"),
        (undo_of_what_was_never_dispatched, "I2 I3 I7"),
        (back_across_the_point_of_no_return, "I14"),
        (a_window_one_too_wide, "I9"),
        (a_skipped_effect_applied_again, "I8"),
        (a_round_begun_before_the_undo, "I8"),
        (a_retry_that_cannot_be_overruled, "I8"),
        (commands_answered_twice, "I5"),
        (a_pause_that_swallows_the_command, "I13"),
        (a_step_skipped, "I1"),
        (work_left_in_an_ended_state, "I10"),
        (a_wait_that_forgets_to_ask_for_its_wake, "I18"),
        (a_version_left_out, "I12"),
        (a_world_without_fences, "I15 I17"),
        (a_world_whose_chunks_fence_each_other, "I19"),
        (an_undo_that_does_nothing, "I15 I17"),
        (an_ended_migration_that_is_paused, "I4"),
        (failed_work_never_forgotten, "I11"),
        (an_act_without_effect, "I16"),
        (a_first_yes_that_is_enough, "I26"),
        (a_person_who_counts_twice, "I26"),
        (approvals_that_outlive_their_time, "I26"),
        (a_gate_that_never_closes, "I27"),
        (a_headstone_that_keeps_everything, "I28"),
        (archived_long_before_its_time, "I28"),
        (an_end_that_is_never_archived, "I18"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_planted_defect_is_found_R8(defect: Callable[[Patch], None], invariants: str, monkeypatch: Patch) -> None:
    defect(monkeypatch)

    assert found() in invariants.split()


def test_the_command_prints_seed_and_trace_of_a_failure(monkeypatch: Patch, capsys: pytest.CaptureFixture[str]) -> None:
    undo_in_forward_order(monkeypatch)
    monkeypatch.setattr("sys.argv", ["simulator", "--seeds", "400"])

    assert command.main() == 1
    *trace, verdict = capsys.readouterr().out.splitlines()
    assert verdict.startswith("seed ")
    assert "I2" in verdict
    assert any("RollbackStarted" in line or "StopRequested" in line or "Migration" in line for line in trace)


def test_the_same_seed_fails_again(monkeypatch: Patch) -> None:
    undo_in_forward_order(monkeypatch)
    verdicts = []
    for _ in range(2):
        for seed in range(SEEDS):
            try:
                Simulation(seed).run()
            except Violation as violation:
                verdicts.append((seed, str(violation)))
                break

    assert len(verdicts) == 2
    assert verdicts[0] == verdicts[1]
