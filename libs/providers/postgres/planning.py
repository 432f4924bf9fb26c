"""The plan of a move: pure, from request and facts."""

from typing import Any

import msgspec

from libs.contracts.migration.plan import ACT, CHECK, Plan, Step
from libs.providers.base import MoveRequest
from libs.providers.postgres.facts import Facts
from libs.providers.postgres.options import Options, parse

DAY_MS = 86_400_000
MINUTE_MS = 60_000
COPY_BYTES_PER_MS = 20_000
"""What an initial copy is expected to manage, for estimates only."""
READ_BYTES_PER_MS = 100_000
"""What reading both sides for a comparison is expected to manage, for estimates only."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def make_plan(request: MoveRequest, found: dict[str, Any]) -> Plan:
    """Derive the plan."""
    facts = msgspec.convert(found, Facts)
    options = parse(request)
    return Plan(
        provider="postgres",
        steps=tuple(_preparing(facts) + _replicating(facts) + _testing(facts) + _cutting_over(facts, options) + [_finalise()]),
        summary=f"Move {facts.tables} tables ({_size(facts.source.bytes)}) by logical replication to another server.",
        notes=_notes(facts, options),
    )


def _act(name: str, phase: str, title: str, compensation: str, timeout_ms: int = 10 * MINUTE_MS, estimate_ms: int = 0) -> Step:
    return Step(name=name, phase=phase, kind=ACT, title=title, compensation=compensation, timeout_ms=timeout_ms, estimate_ms=estimate_ms)


def _check(name: str, phase: str, title: str, timeout_ms: int = 10 * MINUTE_MS, estimate_ms: int = 0, attempts: int = 5) -> Step:
    return Step(
        name=name, phase=phase, kind=CHECK, title=title, timeout_ms=timeout_ms, estimate_ms=estimate_ms, attempts=attempts, backoff_ms=100
    )


def _preparing(facts: Facts) -> list[Step]:
    phase = "preparing"
    return [
        _act("record_fence", phase, "Record the migration in both servers.", "Remove schema whimbrel from both servers."),
        _act(
            "copy_schema",
            phase,
            "Make every definition of the source in the target.",
            "Drop everything in the target that was not there before.",
        ),
        _act(
            "create_publication",
            phase,
            f"Publish {facts.tables} tables of the source.",
            "Drop the publication; give tables their replica identity back.",
        ),
        _act("create_slot", phase, "Keep the source's log for the target.", "Drop the replication slot."),
    ]


def _replicating(facts: Facts) -> list[Step]:
    phase = "replicating"
    copying = facts.source.bytes // COPY_BYTES_PER_MS
    return [
        _act(
            "create_subscription",
            phase,
            "Let the target copy every row and follow.",
            "Drop the subscription and the slots of its copies, and empty the tables of the target.",
        ),
        _check("initial_copy", phase, "Every table has been copied.", DAY_MS * 7, copying),
        _check("lag_low", phase, "The target keeps up with the source.", DAY_MS),
    ]


def _testing(facts: Facts) -> list[Step]:
    phase = "testing"
    reading = facts.source.bytes // READ_BYTES_PER_MS
    return [
        _act("warm_target", phase, "Analyse the target and fill its materialised views.", "Empty the materialised views.", DAY_MS, reading),
        _check("compare_tables", phase, "Definitions, and tables that rest, are equal on both sides.", DAY_MS, reading),
    ]


def _cutting_over(facts: Facts, options: Options) -> list[Step]:
    phase = "cutting_over"
    reading = facts.source.bytes // READ_BYTES_PER_MS
    steps = [
        _act("fence_source", phase, "Stop every write to the source.", "Let the source be written again."),
        _check("lag_zero", phase, "The target has everything."),
    ]
    if facts.unlogged or facts.large_objects:
        steps.append(_act("copy_unreplicated", phase, "Copy unlogged tables and large objects.", "Empty them at the target.", DAY_MS))
    steps += [
        _act("copy_sequences", phase, "Set the target's sequences.", "Set them back to their start."),
        _check("verify_equal", phase, "Every table is equal on both sides.", DAY_MS, reading, 2),
    ]
    if options.reverse:
        title = "Let the source follow the target from the switch on."
        steps.append(_act("reverse_replication", phase, title, "Stop replicating back."))
    return [*steps, _switch(options)]


def _switch(options: Options) -> Step:
    back = "Stop writes to the target, wait until the source has them all, and point applications back to it."
    return Step(
        name="switch_connection",
        phase="cutting_over",
        kind=ACT,
        title="Point applications to the target.",
        compensation=back if options.reverse else "",
        point_of_no_return=not options.reverse,
        timeout_ms=10 * MINUTE_MS,
    )


def _finalise() -> Step:
    title = "End all replication; the source stays read-only."
    return Step(name="finalise", phase="finalising", kind=ACT, title=title, point_of_no_return=True, timeout_ms=10 * MINUTE_MS)


def _notes(facts: Facts, options: Options) -> tuple[str, ...]:
    notes = [
        f"The target needs room for at least {_size(facts.source.bytes)}, and for the log that is written meanwhile.",
        "Definitions must not change while the move lasts; if they do, it stops before the cutover.",
        "Passwords and settings of roles are not moved.",
        *facts.left_behind,
    ]
    if facts.source.slot_wal_limit != "-1":
        notes.append(
            f"The source keeps at most {facts.source.slot_wal_limit} of log for a slow target (max_slot_wal_keep_size); beyond that the move must start again."
        )
    if facts.unlogged:
        notes.append(f"Unlogged tables are copied within the pause, not before: {', '.join(facts.unlogged)}.")
    if facts.large_objects:
        notes.append(f"{facts.large_objects} large objects are copied within the pause, not before.")
    if facts.extensions_differing:
        notes.append(f"Extensions have another version at the target: {', '.join(facts.extensions_differing)}.")
    if facts.keyless:
        notes.append(
            f"Tables without a key are found by whole rows, which is slow for updates: {', '.join(table.label for table in facts.keyless)}."
        )
    if options.roles == "skip":
        notes.append(f"Owners and grants are not moved; they name the roles {', '.join(facts.roles)}.")
    if not options.reverse:
        notes.append("Nothing is replicated back: the switch is the point of no return.")
    return tuple(notes)


def _size(count: int) -> str:
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1_000**power:.{1 if power else 0}f} {_UNITS[power]}"
