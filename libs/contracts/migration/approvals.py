"""Messages about approvals: the terms of a go/no-go gate, and how a right to approve is handed on, waived, or lapses.

`roles` and `second_factor` of a command are what the caller's token says. Ingress alone writes them; a command that
reached the log in another way has neither, and is refused where they are asked for.
"""

import msgspec


class ApprovalTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A go/no-go gate: where it stands in the plan and what it takes to pass it."""

    before: str = ""
    """Phase or step of the plan that does not begin without it."""
    roles: tuple[str, ...] = ()
    """Roles of which whoever approves needs one; empty for any that may answer approvals."""
    quorum: int = 1
    """How many different people must approve."""
    mfa: bool = False
    """True when an approval counts only with a second factor; in prod it always does."""
    expires_s: int = 0
    """Seconds after which an approval lapses unless what it is for has begun; 0 for never."""
    answer_within_s: int = 0
    """Seconds after which the gate has failed unless it was approved; 0 for never."""
    way_back_max_age_s: int = 0
    """Seconds that the last rehearsal of the way back may be old; it must have passed. 0 when the gate asks for none."""


class DelegateApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Hand one's own right to approve at the gate that is awaited to another person."""

    to: str
    """Opaque subject id of who may approve instead."""
    until: int
    """Until when, in microseconds since the epoch."""
    reason: str
    """Why, for the record."""
    roles: tuple[str, ...] = ()
    """Roles of who hands it on, as the token says."""
    second_factor: str = ""
    """Claim of the token that proves a second factor, e.g. amr=otp; empty when it proves none."""


class WaiveApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Let a migration pass the gate that is awaited without what it asks for."""

    reason: str
    """Why that is right; on the record for ever."""
    until: int
    """When the waiver lapses unless the migration has gone on, in microseconds since the epoch."""
    roles: tuple[str, ...] = ()
    """Roles of who waives it, as the token says."""
    second_factor: str = ""
    """Claim of the token that proves a second factor, e.g. amr=otp; empty when it proves none."""


class ApprovalDelegated(msgspec.Struct, frozen=True, kw_only=True):
    """A person handed the right to approve at a gate to another."""

    step: int
    """Index of the gate in the plan."""
    name: str
    """Name of the gate."""
    by: str
    """Opaque subject id of whose right it is."""
    to: str
    """Opaque subject id of who may use it."""
    until: int
    """Until when, in microseconds since the epoch."""
    reason: str
    """Why."""


class ApprovalWaived(msgspec.Struct, frozen=True, kw_only=True):
    """A gate is passed without what it asks for. No approval."""

    step: int
    """Index of the gate in the plan."""
    name: str
    """Name of the gate."""
    by: str
    """Opaque subject id of who waived it."""
    until: int
    """When the waiver lapses unless the migration has gone on, in microseconds since the epoch."""
    reason: str
    """Why that is right."""
    missing: int
    """How many approvals were missing."""
    second_factor: str = ""
    """Claim of the token that proved a second factor; empty when none did."""


class ApprovalLapsed(msgspec.Struct, frozen=True, kw_only=True):
    """Approvals, or a waiver, no longer count: the migration did not go on in time. It awaits approval as before."""

    step: int
    """Index of the gate in the plan."""
    name: str
    """Name of the gate."""
    code: str
    """Stable code of the cause: expired, waiver_expired, way_back_failed or way_back_too_old."""
    reason: str
    """Why, in one sentence."""
    approvers: tuple[str, ...]
    """Opaque subject ids of those whose approval or waiver lapsed."""
    answer_by: int
    """When the gate has failed unless it was approved by then, in microseconds since the epoch; 0 for never."""
    evidence: str = ""
    """Id of the event that the cause comes from: the rehearsal of the way back; empty for another cause."""
