"""The only source of chance here: a generator that is given its seed."""

from random import Random

__all__ = ["Random"]
