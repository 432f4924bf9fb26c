"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable

PARTITIONS = 2
"""Partitions of each topic of a test's prefix: keys are spread, and a broker makes and keeps few for each of many tests."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return once the condition holds; fail, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.05)
