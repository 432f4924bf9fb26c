"""What a wave is made of: its settings, and its members with their dependencies."""

import msgspec


class WaveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Under which conditions the members of a wave are moved."""

    limits: tuple[str, ...] = ()
    """Ids of capacities that every member needs a slot of, e.g. calendar/prod; at most 32."""
    after: tuple[str, ...] = ()
    """Names of waves that must be completed first; at most 20."""
    max_failures: int = 0
    """How many members may have failed, been rolled back or been rejected before no further one is admitted."""
    max_running: int = 0
    """How many members may be on their way at once; 0 for any number."""
    description: str = ""
    """What the wave is for, for people."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One migration of a wave."""

    migration: str
    """Id of the migration; its request names the wave."""
    depends_on: tuple[str, ...] = ()
    """Migrations that must be completed first: members of the wave, or of one that it comes after; at most 100."""


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """Members that were added together."""

    members: tuple[Member, ...]
    """The members; a migration named again replaces what was said of it before."""
