"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable

PARTITIONS = 2
"""Partitions of each topic of a test's prefix: keys are spread, and a broker makes and keeps few for each of many tests."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return once the condition holds; fail, naming `what`, after `seconds`.

    A condition that is slow to tell is asked less often: the processors are for what is waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if condition():
            return
        answered = time.monotonic()
        assert answered < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(min(max(0.05, 4 * (answered - asked)), 1.0))
