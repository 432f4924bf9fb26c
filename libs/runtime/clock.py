"""The only place that asks what time it is or makes random identifiers."""

import time
import uuid


def now_us() -> int:
    """Microseconds since the epoch (UTC) by this machine's clock."""
    return time.time_ns() // 1_000


def new_id() -> str:
    """A random identifier for what has no natural one, e.g. a correlation id."""
    return uuid.uuid4().hex


def new_traceparent() -> str:
    """A W3C trace context header that starts a new, sampled trace."""
    return f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
