"""Events of a migration that goes back to a step to go forward again from there."""

import msgspec


class RewindOverruled(msgspec.Struct, frozen=True, kw_only=True):
    """The migration was going back to a step, to go forward again from there; it is to end otherwise."""

    intent: str
    """What going back ends in now: cancelled or rolled_back (once everything is undone), paused (at that step), or retry again."""
    reason: str
    """Why, in one sentence."""


class RewindCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything back to a step is undone; the migration goes forward again from there in a new round."""

    step: int
    """Index of the step that runs next."""
    round: int
    """Round in which it runs."""
