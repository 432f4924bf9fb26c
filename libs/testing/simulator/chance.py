"""The only source of chance: a generator that is given its seed."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Seeded dice."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both possible."""
        return least + int(self._random.random() * (most - least + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely as the others."""
        return choices[int(self._random.random() * len(choices))]
