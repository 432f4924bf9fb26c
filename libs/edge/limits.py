"""Bounds on what one tenant or one token may take: token buckets per tenant and route, open streams per token."""

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from libs.edge.problems import HttpProblem

_REMEMBERED = 10_000
STREAMS_PER_TOKEN = 5


class RateLimiter:
    """Token buckets: `burst` at once, `per_second` in the long run, for each tenant and route apart."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._rate, self._burst = per_second, float(burst)
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, tenant: str, route: str, now: float | None = None) -> None:
        """Count one request at monotonic time `now`. Raises HttpProblem 429 with Retry-After."""
        moment = time.monotonic() if now is None else now
        tokens, at = self._buckets.pop((tenant, route), (self._burst, moment))
        tokens = min(self._burst, tokens + (moment - at) * self._rate)
        self._buckets[tenant, route] = (tokens - 1 if tokens >= 1 else tokens, moment)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise HttpProblem("rate_limited", headers={"Retry-After": str(max(1, round((1 - tokens) / self._rate + 0.5)))})


class StreamLimiter:
    """Counts open event streams by token."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, token: str) -> Iterator[None]:
        """Hold one stream open. Raises HttpProblem 429 when the token has as many as it may."""
        if self._open[token] >= STREAMS_PER_TOKEN:
            raise HttpProblem("too_many_streams", headers={"Retry-After": "5"})
        self._open[token] += 1
        try:
            yield
        finally:
            self._open[token] -= 1
            if not self._open[token]:
                del self._open[token]
