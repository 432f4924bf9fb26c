"""Commands to a wave. Client commands come from ingress; the others from policies."""

import msgspec

from libs.contracts.wave.plan import Member, WaveSettings


class PlanWave(msgspec.Struct, frozen=True, kw_only=True):
    """Say under which conditions the wave is moved; the first one creates it, a later one replaces them."""

    settings: WaveSettings
    """The conditions."""


class AddMembers(msgspec.Struct, frozen=True, kw_only=True):
    """Add members, or say anew what members that were not admitted yet depend on."""

    members: tuple[Member, ...]
    """1 to 1,000 members; a wave has at most 10,000."""


class StartWave(msgspec.Struct, frozen=True, kw_only=True):
    """Admit the members, in the order of what depends on what."""

    reason: str = ""
    """Why, for the record."""


class PauseWave(msgspec.Struct, frozen=True, kw_only=True):
    """Admit no further member, and pause those on their way."""

    reason: str
    """Why, for the record."""


class ResumeWave(msgspec.Struct, frozen=True, kw_only=True):
    """Go on after a pause, or after the failure budget was used up; the failures so far no longer count."""

    reason: str = ""
    """Why, for the record."""


class CancelWave(msgspec.Struct, frozen=True, kw_only=True):
    """Admit no further member, and cancel every one that has not ended."""

    reason: str
    """Why, for the record."""


class RollBackWave(msgspec.Struct, frozen=True, kw_only=True):
    """Admit no further member, and roll back those that are on their way."""

    reason: str
    """Why, for the record."""


class NoteMember(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that names the wave has come to a point that concerns it."""

    migration: str
    """Id of the migration."""
    outcome: str
    """waiting, begun, running, failed, stuck, undeclared, refused, completed, rolled_back, cancelled or rejected."""
    reason: str = ""
    """Why, in one sentence; empty when there is nothing to say."""


class NoteWave(msgspec.Struct, frozen=True, kw_only=True):
    """Another wave waits for this one, or is one that this one waits for."""

    wave: str
    """Name of the other wave."""
    outcome: str
    """waits or completed."""


class ContinueWave(msgspec.Struct, frozen=True, kw_only=True):
    """Go on with what was too much for one decision."""

    step: int
    """Number of the page that came before; stale when another has followed."""
