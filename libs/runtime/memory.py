"""How the cycle collector is set in a long-running service."""

import gc


def collect_rarely() -> None:
    """Look for cycles every 200,000 net allocations instead of every 700, and never again at what exists now.

    Messages and states are trees of frozen structs, which reference counting frees; at the default threshold the
    collector took 12 % of the validator's time.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
