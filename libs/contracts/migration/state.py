"""The state record of a migration: the fold of its events, with the work it waits for."""

import msgspec

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.stream import Stream
from libs.contracts.work import Work


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration that belongs to a wave, or needs slots, waits for before it begins, and what it holds."""

    wave: str = ""
    """Name of the wave that admits it; empty for none."""
    admitted: bool = False
    """True once the wave let it begin."""
    declined: int = 0
    """Number of the last admission that was declined because the wave did not know all dependencies."""
    limits: tuple[str, ...] = ()
    """Capacities that it needs a slot of, in the order in which it asks for them."""
    at: str = ""
    """admission or slot while it waits for that; empty otherwise."""
    turn: int = 0
    """How often it began to ask for its slots."""
    slots: tuple[str, ...] = ()
    """Capacities that it holds a slot of; while it waits for one, that is the last."""
    ask_at: int = 0
    """When it asks for its slots again, in microseconds since the epoch; 0 when it need not wait for that."""
    until: int = 0
    """While ask_at is set: when it asks to be woken for anything else, in microseconds since the epoch; 0 for never."""


class Approver(msgspec.Struct, frozen=True, kw_only=True):
    """One approval that counts at the gate that is awaited."""

    by: str
    """Opaque subject id of who approved."""
    right_of: str
    """Opaque subject id of whose right was used."""
    lapses_at: int = 0
    """When it lapses, in microseconds since the epoch; 0 for never."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A right to approve that was handed on."""

    by: str
    """Opaque subject id of whose right it is."""
    to: str
    """Opaque subject id of who may use it."""
    until: int
    """Until when, in microseconds since the epoch."""


class Approvals(msgspec.Struct, frozen=True, kw_only=True):
    """The gate that a migration awaits approval at."""

    terms: ApprovalTerms
    """What it takes to pass."""
    evidence_version: int = 0
    """Version of the migration from which on everything that the gate rests on is known."""
    answer_by: int = 0
    """When the gate has failed unless it was approved by then, in microseconds since the epoch; 0 for never."""
    given: tuple[Approver, ...] = ()
    """Approvals that count."""
    delegated: tuple[Delegation, ...] = ()
    """Rights that were handed on."""
    waived_by: str = ""
    """Opaque subject id of who waived the gate; empty when nobody did."""
    waived_until: int = 0
    """When the waiver lapses, in microseconds since the epoch."""


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """The last rehearsal of the way back."""

    passed: bool
    """Whether everything was undone."""
    at: int
    """When it ended, in microseconds since the epoch."""
    event_id: str
    """Id of the event that says so."""


class MigrationState(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration is now. `evolve` in libs.domain.migration is the only thing that changes it."""

    stream: Stream = Stream()
    """Version, chain head and answered commands."""
    mode: str = "new"
    """Where it stands in its life: new, checking, running, paused, held, stopping, rolling_back, stuck, ended or archived."""
    status: str = ""
    """What people are shown: the phase of the current step, or the name of the mode or of the end."""
    request: bytes = b""
    """What was asked for, as version byte and Avro body of the Request record."""
    plan: bytes = b""
    """The frozen plan, as version byte and Avro body of the Plan record; empty before it is planned."""
    step: int = -1
    """Index of the current step; -1 before the first."""
    round: int = 1
    """Current round; rises when a rewind is complete."""
    fence: int = 0
    """Fence of the last dispatch."""
    pending: tuple[Work, ...] = ()
    """Work that was dispatched and has not come to rest."""
    next_chunk: int = 0
    """First chunk of the current step that was not dispatched yet."""
    done_chunks: int = 0
    """How many chunks of the current step have succeeded."""
    dispatched: int = -1
    """Highest index of a step whose act was dispatched and not yet compensated."""
    crossed: bool = False
    """True once the point of no return is crossed."""
    on_failure: str = "rollback"
    """rollback or hold."""
    wake_at: int = 0
    """When it asks to be woken, in microseconds since the epoch; 0 for never."""
    awaiting: str = ""
    """approval or time while the current step is such a wait; empty otherwise."""
    intent: str = ""
    """While going back: cancelled, rolled_back or retry."""
    to_step: int = 0
    """While going back: index of the earliest step to undo."""
    reason: str = ""
    """While going back: why."""
    skipped: int = 0
    """How many compensations an operator skipped."""
    unsettled: tuple[int, ...] = ()
    """Indexes of steps whose in-flight work ended unknown and must be looked at before it is undone."""
    failed: tuple[Work, ...] = ()
    """Work that failed for good and is tried once more when an operator asks for it."""
    requested_by: str = ""
    """Opaque subject id of who asked for it; never a name or an address."""
    gates: Gates | None = None
    """What it waits for before it begins; null when it belongs to no wave and needs no slot."""
    approvals: Approvals | None = None
    """The gate that it awaits approval at; null when it awaits none."""
    way_back: WayBack | None = None
    """The last rehearsal of the way back; null when there was none."""
    retention_seconds: int = 0
    """How long after its end it stays before it is archived, in seconds; 0 for the standard of 30 days."""
