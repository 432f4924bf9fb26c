"""How often what goes wrong. Times in microseconds of virtual time."""

from typing import NamedTuple

MS = 1_000
SECOND = 1_000_000


class Faults(NamedTuple):
    """Probabilities of each fault at each chance it gets, until `calm_at`; from then on nothing new goes wrong."""

    duplicate: float = 0.1
    """A command is sent twice."""
    late: float = 0.1
    """A command takes up to a minute, so that others overtake it."""
    lost_batch: float = 0.08
    """The validator dies between deciding and committing: the batch is decided anew."""
    crash: float = 0.08
    """A worker dies, before or after the effect, and somebody starts again from state."""
    zombie: float = 0.06
    """A worker freezes before the effect and comes back after somebody else took over."""
    failure: float = 0.16
    """Work fails."""
    final_failure: float = 0.35
    """A failure is one that no repetition can mend."""
    half_done: float = 0.5
    """Work that failed or stopped has had its effect all the same."""
    operator: float = 0.7
    """An operator interferes, at each of a few moments."""
    calm_at: int = 240 * SECOND


USUAL = Faults()
