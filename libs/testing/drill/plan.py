"""What a drill shall be."""

from collections.abc import Callable
from typing import NamedTuple


class Plan(NamedTuple):
    """Size, faults and seed of a drill; `most_s` is when it is given up, `patience_s` how far interrupts are apart at most, in seconds."""

    servers: int
    waves: int
    interrupts: int
    seed: int
    most_s: float = 3_600.0
    patience_s: float = 20.0
    say: Callable[[str], object] = lambda _: None
