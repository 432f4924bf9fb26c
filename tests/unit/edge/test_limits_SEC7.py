"""A tenant may take so much of a route and no more; a token may hold five streams (SEC7, R13)."""

import pytest

from libs.edge.limits import STREAMS_PER_TOKEN, RateLimiter, StreamLimiter
from libs.edge.problems import HttpProblem


def _taken(limiter: RateLimiter, tenant: str, route: str, count: int, now: float) -> int:
    """How many of `count` requests are let through at one moment."""
    passed = 0
    for _ in range(count):
        try:
            limiter.take(tenant, route, now)
            passed += 1
        except HttpProblem:
            pass
    return passed


def test_a_burst_passes_and_what_is_beyond_it_does_not_SEC7() -> None:
    assert _taken(RateLimiter(10, 20), "acme", "list", 50, 0.0) == 20


def test_the_share_grows_back_with_time_SEC7() -> None:
    limiter = RateLimiter(10, 20)
    _taken(limiter, "acme", "list", 50, 0.0)

    assert _taken(limiter, "acme", "list", 50, 0.5) == 5
    assert _taken(limiter, "acme", "list", 50, 100.0) == 20


def test_tenants_and_routes_do_not_take_from_each_other_SEC7() -> None:
    limiter = RateLimiter(10, 20)
    _taken(limiter, "acme", "list", 50, 0.0)

    assert _taken(limiter, "other", "list", 50, 0.0) == 20
    assert _taken(limiter, "acme", "read", 50, 0.0) == 20


def test_the_refusal_says_when_to_come_back_SEC7() -> None:
    limiter = RateLimiter(0.1, 1)
    limiter.take("acme", "list", 0.0)

    with pytest.raises(HttpProblem) as caught:
        limiter.take("acme", "list", 0.0)

    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "10"})


def test_a_token_holds_five_streams_and_gets_one_back_by_closing_one_SEC7() -> None:
    limiter = StreamLimiter()
    held = [limiter.one_more("t") for _ in range(STREAMS_PER_TOKEN)]
    for one in held:
        one.__enter__()

    with pytest.raises(HttpProblem) as caught, limiter.one_more("t"):
        pass
    with limiter.one_more("another"):
        pass
    held[0].__exit__(None, None, None)
    with limiter.one_more("t"):
        pass

    assert caught.value.code == "too_many_streams"
