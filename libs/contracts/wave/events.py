"""Events of a wave: what happened, in the past tense. Only the validator writes them."""

import msgspec

from libs.contracts.wave.plan import Member, WaveSettings


class WavePlanned(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions of the wave were set, or replaced."""

    settings: WaveSettings
    """The conditions."""


class MembersAdded(msgspec.Struct, frozen=True, kw_only=True):
    """Members were added, or what they depend on was said anew."""

    members: tuple[Member, ...]
    """The members."""


class WaveStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The dependencies form no cycle; members are admitted from now on, once the waves before it are completed."""

    members: int
    """How many members it has."""
    waits_for: tuple[str, ...]
    """Waves that are not known to be completed."""
    reason: str
    """Why it was started now."""


class WaveFollowed(msgspec.Struct, frozen=True, kw_only=True):
    """Another wave waits for this one."""

    wave: str
    """Name of the other wave."""


class PredecessorCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """A wave that this one waited for is completed."""

    wave: str
    """Name of the other wave."""


class MembersAdmitted(msgspec.Struct, frozen=True, kw_only=True):
    """These members may begin: everything they depend on is completed."""

    migrations: tuple[str, ...]
    """Ids of the migrations; fewer than 100."""
    step: int
    """Number of this page among all admissions and orders of the wave."""
    more: bool
    """True when further members can be admitted at once."""


class MemberNoted(msgspec.Struct, frozen=True, kw_only=True):
    """A member has come to a point that concerns the wave."""

    migration: str
    """Id of the migration."""
    outcome: str
    """waiting, begun, running, failed, stuck, undeclared, refused, completed, rolled_back, cancelled or rejected."""
    reason: str
    """Why, in one sentence; empty when there is nothing to say."""
    blocks: int
    """How many members cannot begin because of it."""
    blocked: tuple[str, ...]
    """The first 20 of them."""


class MembersTold(msgspec.Struct, frozen=True, kw_only=True):
    """Members were told to pause, resume, cancel or roll back."""

    action: str
    """pause, resume, cancel or roll_back."""
    migrations: tuple[str, ...]
    """Ids of the migrations; fewer than 100."""
    reason: str
    """Why."""
    cursor: int
    """Where in the order of members the next ones are looked for; -1 when all were told, or it was one that came late."""
    step: int
    """Number of this page among all admissions and orders of the wave."""


class WaveStopped(msgspec.Struct, frozen=True, kw_only=True):
    """The failure budget is used up: no further member is admitted until a person resumes the wave."""

    failures: int
    """How many members have failed, been rolled back or been rejected since it was last resumed."""
    max_failures: int
    """How many may."""


class WavePaused(msgspec.Struct, frozen=True, kw_only=True):
    """No further member is admitted, and those on their way are paused."""

    reason: str
    """Why."""


class WaveResumed(msgspec.Struct, frozen=True, kw_only=True):
    """It goes on; the failures so far no longer count."""

    reason: str
    """Why."""


class WaveCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """No further member is admitted, and those that have not ended are cancelled."""

    reason: str
    """Why."""


class WaveRollbackStarted(msgspec.Struct, frozen=True, kw_only=True):
    """No further member is admitted, and those on their way are rolled back."""

    reason: str
    """Why."""
    members: int
    """How many are rolled back."""


class WaveRolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """No member is on its way any more."""

    rolled_back: int
    """How many members are rolled back in all."""
    completed: int
    """How many members had been completed; what is completed stays."""


class WaveCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """Every member has ended, with no more failures than were allowed for, or accepted by whoever resumed it."""

    completed: int
    """How many members are completed."""
    rolled_back: int
    """How many were rolled back."""
    cancelled: int
    """How many were cancelled."""
    rejected: int
    """How many were rejected."""
